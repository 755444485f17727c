import { RemoraError } from '@remora/shared/errors.ts';
import type { KeyBundle } from '@remora/shared/model/keys/key-bundle.ts';
import { checkAddresses } from '@remora/shared/model/requests/connect-request.ts';
import { checkHandedKey, type HandOutRequest } from '@remora/shared/model/requests/key-create-request.ts';
import { formatAddress } from '@remora/shared/model/values/address.ts';
import type { RecordAlone } from '../../audit/record-alone.ts';
import { findKey } from '../../elasticsearch/api-keys.ts';
import { observeCluster } from '../../elasticsearch/observe-cluster.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import { parsePemBundle } from '../../pki/describe.ts';
import { deploymentAddress, noEndpoint } from '../../plan/cloud-deployment/remote-side.ts';
import { publishedParts } from '../../plan/connection/published-address.ts';
import { type ClusterKey, isLiving } from '../../plan/keys/cluster-key.ts';
import { handedVersion } from '../../plan/keys/handed-key.ts';
import type { ApiKeyRecord, DeploymentId } from '../../plan/records.ts';
import { withComing } from '../../plan/trust/ca-names.ts';
import type { SecretStore } from '../../secrets/secret-store.ts';

type HandOutParts = Pick<ObserveParts, 'clients' | 'inventory' | 'clock' | 'cloud'> & {
  readonly secrets: Pick<SecretStore, 'get'>;
  readonly recordAlone: RecordAlone;
};

/** The newest key that was made for them, as its cluster knows it. Throws `not-found`. */
const keyFor = async (
  { clients, inventory, clock }: HandOutParts,
  request: HandOutRequest,
): Promise<{ readonly record: ApiKeyRecord; readonly key: ClusterKey }> => {
  const { remote } = request;
  const own = (await inventory.apiKeys.list())
    .map((record) => ({ record, version: handedVersion({ record }, request) }))
    .filter(({ version }) => version > 0)
    .sort((a, b) => b.version - a.version);
  const record = own[0]?.record;
  const key = record ? await findKey(await clients.get(remote), remote, record.id) : null;
  if (record && key && isLiving(key, clock().getTime())) return { record, key };
  throw new RemoraError('not-found', `Cluster ${remote} has no key for "${request.for}" that can be used.`, {
    hint: `\`remora api-keys create ${remote} --for ${request.for}\` makes one.`,
  });
};

/**
 * The CAs of the certificates that Remora made for the remote cluster's nodes, with those that are taking their place; what stands before a deployment has a certificate
 * of a public CA (null). Throws `bad-input` where it made none.
 */
const caOf = async (
  { inventory }: HandOutParts,
  { remote, caPem }: HandOutRequest,
  deployment: DeploymentId | undefined,
): Promise<string | null> => {
  if (caPem !== undefined) return caPem === null ? null : parsePemBundle(caPem, '--server-ca').join('');
  if (deployment !== undefined) return null;
  const [cas, certificates] = await Promise.all([inventory.cas.list(), inventory.certificates.list()]);
  const own = certificates.filter(({ cluster, purpose }) => cluster === remote && purpose === 'remote_cluster_server');
  const names = withComing(
    cas,
    own.map(({ ca }) => ca),
  );
  const pems = cas.filter(({ name }) => names.includes(name)).map(({ certificatePem }) => certificatePem);
  if (pems.length > 0) return pems.join('');
  throw new RemoraError(
    'bad-input',
    `The CA of the certificates with which cluster ${remote} serves remote clusters is not on record here.`,
    { hint: 'Give it with --server-ca FILE, or --server-ca public.' },
  );
};

/** As the nodes publish them, by the names that their certificates are compared with. */
const seedsOf = (cluster: Awaited<ReturnType<typeof observeCluster>>): string[] =>
  cluster.nodes.flatMap(({ remoteClusterServer }) => {
    if (remoteClusterServer === null) return [];
    const { names, port } = publishedParts(remoteClusterServer.publishAddress);
    return [formatAddress({ host: names[0] ?? '', port })];
  });

type Way = Pick<KeyBundle, 'mode' | 'seeds' | 'proxyAddress' | 'serverName'>;

/** How the remote cluster is reached; a deployment through the proxies of its cloud. Throws `conflict` for one that has no endpoint. */
const wayTo = async (
  { cloud }: HandOutParts,
  request: HandOutRequest,
  cluster: Awaited<ReturnType<typeof observeCluster>>,
  deployment: DeploymentId | undefined,
): Promise<Way> => {
  const { mode, proxyAddress = null, serverName = null } = request;
  if (deployment === undefined)
    return { mode, seeds: mode === 'sniff' ? seedsOf(cluster) : [], proxyAddress, serverName };
  const { name, host } = await (await cloud(deployment.cloud)).deployment(deployment.id);
  const address = deploymentAddress(request, host);
  if (address === null) throw new RemoraError('conflict', noEndpoint(name));
  return { mode: 'proxy', seeds: [], ...address };
};

/** Everything that those who run the local cluster need, the key itself too: each time that it is handed out is recorded before. */
export const handOutKey =
  (parts: HandOutParts) =>
  async (request: HandOutRequest, actor: string): Promise<KeyBundle> => {
    checkHandedKey(request);
    checkAddresses(request);
    const { remote } = request;
    const { record, key } = await keyFor(parts, request);
    const { deployment } = await parts.clients.record(remote);
    const [ca, cluster] = await Promise.all([
      caOf(parts, request, deployment),
      observeCluster(remote, await parts.clients.get(remote)),
    ]);
    const way = await wayTo(parts, request, cluster, deployment);
    const encoded = (await parts.secrets.get(record.secret)).toString('utf8');
    const detail = `${record.name} (${record.id}) for ${request.for}`;
    await parts.recordAlone([{ actor, action: 'api-key.hand-out', target: remote, detail }]);
    return {
      ...{ format: 'remora-remote-key', version: 1, for: request.for, ca, ...way },
      remote: { name: remote, clusterUuid: cluster.clusterUuid, version: cluster.version },
      key: {
        ...{ id: record.id, name: record.name, access: key.access, encoded },
        expiresAt: key.expiresAtMs === null ? null : new Date(key.expiresAtMs).toISOString(),
      },
    };
  };
