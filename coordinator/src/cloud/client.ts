import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { RemoraError } from '@remora/shared/errors.ts';
import type { Static } from 'typebox';
import {
  AuthorityAnswer,
  DeploymentAnswer,
  DeploymentList,
  type ElasticsearchResource,
  KeystoreAnswer,
  readAs,
  type TrustSettings,
} from './answers.ts';
import {
  type CloudAccess,
  type CloudAnswer,
  CloudRefusal,
  type CloudRequest,
  cloudRequest,
  type RequestParts,
} from './request.ts';

/** A deployment with its Elasticsearch cluster, of which it has one. */
export interface Deployment {
  readonly id: string;
  readonly name: string;
  readonly refId: string;
  readonly region: string;
  /** By which names of its nodes are made. */
  readonly clusterId: string;
  readonly healthy: boolean;
  /** Of Elasticsearch; null while its first plan is carried out. */
  readonly version: string | null;
  /** Its Elasticsearch API; null while it has none. */
  readonly endpoint: string | null;
  /** Name of that endpoint, by which other clusters reach it too; null while it has none. */
  readonly host: string | null;
  readonly trust: TrustSettings;
  /** A change of it is being carried out. */
  readonly isChanging: boolean;
  /** The last change of it was not carried out. */
  readonly lastChangeFailed: boolean;
}

/** The CA that signed the certificates of a deployment's nodes. */
export interface DeploymentAuthority {
  /** The one in use first; others are those before and after. */
  readonly certificates: readonly string[];
  /** The pattern of the names of its nodes, for the trust restrictions of others. */
  readonly restriction: string;
}

/** What Remora asks of the Elastic Cloud API. All throw `cloud-refused` or `cloud-unreachable`. */
export interface CloudClient {
  deployments(): Promise<readonly { readonly id: string; readonly name: string }[]>;
  deployment(id: string): Promise<Deployment>;
  authority(id: string): Promise<DeploymentAuthority>;
  /** Names of the entries of its keystore that people set: values are told to nobody. */
  keystore(deployment: Pick<Deployment, 'id' | 'refId'>): Promise<readonly string[]>;
  /** Sets an entry of its keystore, or takes it out; nodes of 8.14 and later take it without a restart. */
  setEntry(deployment: Pick<Deployment, 'id' | 'refId'>, name: string, value: string | null): Promise<void>;
  /**
   * Changes whom it trusts, by what it trusts at that moment, and nothing else of it. Answers false where another change of it is being carried out, which this one would
   * take back: then nothing was changed.
   */
  changeTrust(id: string, change: (trust: TrustSettings) => TrustSettings): Promise<boolean>;
}

const endpointOf = ({ service_url: url, endpoint, services_urls: urls }: ElasticsearchResource['info']['metadata']) =>
  url ??
  urls?.find(({ service }) => service === 'elasticsearch')?.url ??
  (endpoint === undefined ? null : `https://${endpoint}`);

const hostOf = ({ metadata }: ElasticsearchResource['info']): string | null => {
  const url = endpointOf(metadata);
  return metadata.endpoint ?? (url === null ? null : (URL.parse(url)?.hostname ?? null));
};

const deploymentOf = (
  { id, name }: Static<typeof DeploymentAnswer>,
  { ref_id: refId, region, info }: ElasticsearchResource,
): Deployment => ({
  ...{ id, name, refId, region, clusterId: info.cluster_id, healthy: info.healthy },
  version: info.plan_info.current?.plan?.elasticsearch.version ?? null,
  ...{ endpoint: endpointOf(info.metadata), host: hostOf(info) },
  trust: info.settings?.trust ?? {},
  isChanging: info.plan_info.pending !== undefined,
  lastChangeFailed: !info.plan_info.healthy,
});

/** What is written takes the place of the whole: what is not known cannot stay. */
const standingTrust = ({ info: { settings } }: ElasticsearchResource, id: string): TrustSettings => {
  if (settings !== undefined) return settings.trust ?? {};
  throw new RemoraError('cloud-refused', `Elastic Cloud does not tell whom deployment ${id} trusts.`);
};

/**
 * The plan and the name as they are, since a resource cannot be changed without a plan, and without a name is called by its id; other resources are left as they are. What
 * the last change did once is left out, or it would be done again.
 */
const update = ({ ref_id, region, info }: ElasticsearchResource, trust: TrustSettings) => {
  const { transient: _, ...plan } = info.plan_info.current?.plan ?? {};
  const resource = { ref_id, region, display_name: info.cluster_name, plan, settings: { trust } };
  return { prune_orphans: false, resources: { elasticsearch: [resource] } };
};

const MOST_CONFLICTS = 4;

/** Whether it was refused for its version. The schema does not say by which status: where another version stands there now, that was it. */
const isOfVersion = async (
  refusal: unknown,
  standing: () => Promise<string | null>,
  version: string,
): Promise<boolean> =>
  refusal instanceof CloudRefusal &&
  (refusal.status === 409 || (refusal.status === 400 && (await standing()) !== version));

/** Of a deployment's answer what is needed and no more: plans are large. */
const SHOWN = {
  show_settings: 'true',
  show_plans: 'true',
  enrich_with_template: 'false',
  clear_transient: 'true',
  show_instance_configurations: 'false',
};

const at = (id: string, ...below: readonly string[]): string => {
  if (/^[\w-]+$/.test(id)) return ['/deployments', ...[id, ...below].map(encodeURIComponent)].join('/');
  throw new RemoraError('bad-input', `"${id}" is not the id of a deployment.`, { hint: 'See `remora clouds show`.' });
};

/** Opens what needs no connection: each call is a request of its own. */
export const openCloud = (access: CloudAccess, parts: RequestParts = { sleep }): CloudClient => {
  const ask = (request: CloudRequest): Promise<CloudAnswer> => cloudRequest(access, request, parts);
  const get = (what: string, path: string, query = {}) => ask({ method: 'GET', path, query, what });
  const look = async (id: string) => {
    const what = `Looking at deployment ${id}`;
    const { body, version } = await get(what, at(id), SHOWN);
    const answer = readAs(DeploymentAnswer, body, what);
    const [resource] = answer.resources.elasticsearch;
    if (resource) return { answer, resource, version };
    throw new RemoraError('cloud-refused', `Deployment ${id} of cloud ${access.name} has no Elasticsearch.`);
  };
  return {
    async deployments() {
      const what = 'Listing deployments';
      return readAs(DeploymentList, (await get(what, '/deployments')).body, what).deployments;
    },
    async deployment(id) {
      const { answer, resource } = await look(id);
      return deploymentOf(answer, resource);
    },
    async authority(id) {
      const what = `Asking for the CA of deployment ${id}`;
      const { body } = await get(what, at(id, 'certificate-authority'));
      const answer = readAs(AuthorityAnswer, body, what);
      const sorted = answer.public_certificates.toSorted((a, b) => Number(b.active) - Number(a.active));
      return { certificates: sorted.map(({ pem }) => pem), restriction: answer.recommended_trust_restriction };
    },
    async keystore({ id, refId }) {
      const what = `Looking at the keystore of deployment ${id}`;
      const { body } = await get(what, at(id, 'elasticsearch', refId, 'keystore'));
      return Object.keys(readAs(KeystoreAnswer, body, what).secrets).sort();
    },
    async setEntry({ id, refId }, name, value) {
      const what = `${value === null ? 'Taking' : 'Writing'} ${name} ${value === null ? 'out of' : 'to'} the keystore of deployment ${id}`;
      // An entry without a value is removed.
      const body = { secrets: { [name]: value === null ? {} : { value } } };
      await ask({ method: 'PATCH', path: at(id, 'elasticsearch', refId, 'keystore'), body, what });
    },
    async changeTrust(id, change) {
      for (let tried = 1; ; tried += 1) {
        const { resource, version } = await look(id);
        const standing = standingTrust(resource, id);
        const trust = change(standing);
        if (isDeepStrictEqual(trust, standing)) return true;
        if (resource.info.plan_info.pending !== undefined) return false;
        if (version === null || resource.info.plan_info.current?.plan === undefined)
          throw new RemoraError('cloud-refused', `Elastic Cloud tells no version or no plan of deployment ${id}.`);
        const what = `Changing whom deployment ${id} trusts`;
        const request = {
          method: 'PUT',
          path: at(id),
          query: { version },
          body: update(resource, trust),
          what,
        } as const;
        const refusal = await ask(request).then(
          () => null,
          (error: unknown) => error,
        );
        if (refusal === null) return true;
        // Somebody changed it meanwhile, or the answer to this change was lost: what it trusts now tells.
        const isConflict =
          tried < MOST_CONFLICTS && (await isOfVersion(refusal, async () => (await look(id)).version, version));
        if (!isConflict) throw refusal;
      }
    },
  };
};
