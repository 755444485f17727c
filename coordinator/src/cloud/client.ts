import { setTimeout as sleep } from 'node:timers/promises';
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
import { type CloudAccess, type CloudAnswer, type CloudRequest, cloudRequest, type RequestParts } from './request.ts';

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
  readonly trust: TrustSettings;
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
}

const endpointOf = ({ service_url: url, endpoint, services_urls: urls }: ElasticsearchResource['info']['metadata']) =>
  url ??
  urls?.find(({ service }) => service === 'elasticsearch')?.url ??
  (endpoint === undefined ? null : `https://${endpoint}`);

const deploymentOf = ({ id, name, resources }: Static<typeof DeploymentAnswer>): Deployment[] =>
  resources.elasticsearch.slice(0, 1).map(({ ref_id: refId, region, info }) => ({
    ...{ id, name, refId, region, clusterId: info.cluster_id, healthy: info.healthy },
    version: info.plan_info.current?.plan?.elasticsearch.version ?? null,
    endpoint: endpointOf(info.metadata),
    trust: info.settings?.trust ?? {},
  }));

/** Of a deployment's answer what is needed and no more: plans are large. */
const SHOWN = {
  show_settings: 'true',
  show_plans: 'true',
  enrich_with_template: 'false',
  show_instance_configurations: 'false',
};

const at = (id: string, ...below: readonly string[]): string =>
  ['/deployments', ...[id, ...below].map(encodeURIComponent)].join('/');

/** Opens what needs no connection: each call is a request of its own. */
export const openCloud = (access: CloudAccess, parts: RequestParts = { sleep }): CloudClient => {
  const ask = (request: CloudRequest): Promise<CloudAnswer> => cloudRequest(access, request, parts);
  const get = (what: string, path: string, query = {}) => ask({ method: 'GET', path, query, what });
  return {
    async deployments() {
      const what = 'Listing deployments';
      return readAs(DeploymentList, (await get(what, '/deployments')).body, what).deployments;
    },
    async deployment(id) {
      const what = `Looking at deployment ${id}`;
      const { body } = await get(what, at(id), SHOWN);
      const [found] = deploymentOf(readAs(DeploymentAnswer, body, what));
      if (found) return found;
      throw new RemoraError('cloud-refused', `Deployment ${id} of cloud ${access.name} has no Elasticsearch.`);
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
  };
};
