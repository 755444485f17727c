import { anything, bool, list, object, oneOf, record, text } from './json-shape.ts';

/** Bodies of requests by the published schema of the Elastic Cloud API; what that does not have is not known. */

const TrustedCertificate = object({ pem: text() }, { metadata: anything });
const ofAll = { trust_all: bool };
const names = list(text());
const AccountTrust = object({ ...ofAll, account_id: text() }, { name: text(), trust_allowlist: names });
const ExternalTrust = object({ ...ofAll, trust_relationship_id: text() }, { name: text(), trust_allowlist: names });
const DirectTrust = object(
  { ...ofAll, name: text(), certificates: list(TrustedCertificate, 1) },
  {
    uid: text(),
    type: oneOf('ECE', 'ESS', 'generic', 'proxy'),
    trust_allowlist: names,
    scope_id: text(/^[a-z0-9]{1,32}$/),
    additional_node_names: list(text(/^[^*?]+$/)),
  },
);
const TrustSettings = object(
  {},
  { accounts: list(AccountTrust), external: list(ExternalTrust), direct: list(DirectTrust) },
);
/** Body of `PATCH …/keystore`. */
export const KeystoreContents = object({ secrets: record(object({}, { value: anything, as_file: bool })) });
const Plan = object({ cluster_topology: list(anything), elasticsearch: anything }, { transient: anything });
const Payload = object(
  { ref_id: text(), region: text(), plan: Plan },
  { display_name: text(), settings: object({}, { trust: TrustSettings }) },
);
/** Body of `PUT /deployments/ID`, as far as trust is concerned. */
export const UpdateRequest = object(
  { prune_orphans: bool },
  { name: text(), resources: object({}, { elasticsearch: list(Payload) }) },
);
