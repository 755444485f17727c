import { RemoraError } from '@remora/shared/errors.ts';
import Type, { type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** What is read of the answers of the Elastic Cloud API, by its published schema; what else stands in them is passed over. */

export const DeploymentList = Type.Object({
  deployments: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
});

const Pem = Type.Object({ pem: Type.String() });

/** A trust relationship whose CA stands in it: with a cluster outside of Elastic Cloud (`generic`), or with what stands before one (`proxy`). */
export const DirectTrust = Type.Object({
  /** Made by Elastic Cloud: tells an update from a new one. */
  uid: Type.Optional(Type.String()),
  name: Type.String(),
  type: Type.Optional(Type.String()),
  trust_all: Type.Boolean(),
  trust_allowlist: Type.Optional(Type.Array(Type.String())),
  scope_id: Type.Optional(Type.String()),
  additional_node_names: Type.Optional(Type.Array(Type.String())),
  certificates: Type.Array(Pem),
});
export type DirectTrust = Static<typeof DirectTrust>;

/** `accounts` and `external` are passed on as they are. */
export const TrustSettings = Type.Object({
  accounts: Type.Optional(Type.Array(Type.Unknown())),
  external: Type.Optional(Type.Array(Type.Unknown())),
  direct: Type.Optional(Type.Array(DirectTrust)),
});
export type TrustSettings = Static<typeof TrustSettings>;

const Plan = Type.Object({
  elasticsearch: Type.Object({ version: Type.Optional(Type.String()) }),
  /** What the change that led here did once: a snapshot that was restored, a reboot. */
  transient: Type.Optional(Type.Unknown()),
});

const ElasticsearchResource = Type.Object({
  ref_id: Type.String(),
  region: Type.String(),
  info: Type.Object({
    cluster_id: Type.String(),
    cluster_name: Type.String(),
    healthy: Type.Boolean(),
    metadata: Type.Object({
      service_url: Type.Optional(Type.String()),
      endpoint: Type.Optional(Type.String()),
      services_urls: Type.Optional(Type.Array(Type.Object({ service: Type.String(), url: Type.String() }))),
    }),
    plan_info: Type.Object({
      /** False: the last change of it failed. */
      healthy: Type.Boolean(),
      /** Absent while the first plan is carried out. */
      current: Type.Optional(Type.Object({ plan: Type.Optional(Plan) })),
      /** What is being carried out. */
      pending: Type.Optional(Type.Unknown()),
    }),
    settings: Type.Optional(Type.Object({ trust: Type.Optional(TrustSettings) })),
  }),
});
export type ElasticsearchResource = Static<typeof ElasticsearchResource>;

export const DeploymentAnswer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  resources: Type.Object({ elasticsearch: Type.Array(ElasticsearchResource) }),
});

export const AuthorityAnswer = Type.Object({
  recommended_trust_restriction: Type.String(),
  public_certificates: Type.Array(Type.Object({ active: Type.Boolean(), pem: Type.String() })),
});

export const KeystoreAnswer = Type.Object({ secrets: Type.Record(Type.String(), Type.Unknown()) });

/** The body as its schema says; throws `cloud-refused` for one that is otherwise. */
export const readAs = <S extends TSchema>(schema: S, body: unknown, what: string): Static<S> => {
  if (Value.Check(schema, body)) return body;
  const [first] = Value.Errors(schema, body);
  const where = first === undefined ? '' : ` (${first.instancePath || '/'} ${first.message})`;
  throw new RemoraError('cloud-refused', `${what}: Elastic Cloud answered otherwise than its API says${where}.`, {
    hint: 'Its API may have changed: look for a newer release of Remora.',
  });
};
