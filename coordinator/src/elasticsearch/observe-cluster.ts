import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import type { ClusterObservation, FlatSettings, NodeObservation } from '../plan/facts.ts';
import { lacksPrivileges, neededPrivileges } from '../plan/roles/privileges.ts';
import { statusOf } from './client.ts';
import { connectionProblem } from './connection-problem.ts';
import { type ShardState, shardCopies, shardFilter } from './shard-copies.ts';

/** A node without what its agent sees. */
export type BareNode = Omit<NodeObservation, 'agent' | 'loadedCertificates'>;
export type BareCluster = Omit<ClusterObservation, 'nodes' | 'absentNodes'> & { readonly nodes: readonly BareNode[] };

/** The shape of `_nodes` as far as it is read here; the library's own type does not know the remote cluster server. */
interface NodesAnswer {
  readonly nodes: Readonly<
    Record<
      string,
      {
        readonly name: string;
        readonly version: string;
        readonly host: string;
        readonly roles: readonly string[];
        readonly attributes?: Readonly<Record<string, string>>;
        readonly settings?: Record<string, string | string[]>;
        readonly process?: { readonly id: number };
        readonly jvm?: { readonly start_time_in_millis: number };
        readonly remote_cluster_server?: { readonly publish_address: string };
        readonly transport?: { readonly publish_address: string };
      }
    >
  >;
}

const hostOf = (publishAddress: string): string =>
  publishAddress
    .replace(/^.*\//, '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');

/** All nodes of a cluster as `_nodes` tells them, with the elected master marked. */
export const listNodes = async (client: Client): Promise<BareNode[]> => {
  const [answer, master] = await Promise.all([
    client.transport.request<NodesAnswer>({
      method: 'GET',
      path: '/_nodes/settings,process,jvm,transport,remote_cluster_server',
      querystring: { flat_settings: true },
    }),
    client.cluster.state({ metric: ['master_node'] }),
  ]);
  const masterId = (master as { readonly master_node?: string }).master_node;
  return Object.entries(answer.nodes).map(([nodeId, node]) => ({
    name: node.name,
    nodeId,
    version: node.version,
    roles: node.roles,
    attributes: node.attributes ?? {},
    electedMaster: nodeId === masterId,
    pid: node.process?.id ?? 0,
    startedAtMs: node.jvm?.start_time_in_millis ?? 0,
    settings: node.settings ?? {},
    remoteClusterServer: node.remote_cluster_server
      ? { publishAddress: node.remote_cluster_server.publish_address }
      : null,
    transportHost: node.transport ? hostOf(node.transport.publish_address) : node.host,
  }));
};

/** Whether a call is answered at all; a 4xx means that the feature behind it is off. */
const answers = async (call: Promise<unknown>): Promise<boolean> => {
  try {
    await call;
    return true;
  } catch (error) {
    const status = statusOf(error);
    if (status === 400 || status === 404 || status === 405 || status === 500) return false;
    throw error;
  }
};

interface RemoteIndices {
  readonly clusters: readonly string[];
  readonly privileges: readonly string[];
}

/** Aliases that the roles of the user name in `remote_indices`; the library's own type does not know them. */
const remoteAliases = async (client: Client): Promise<string[]> => {
  const answer = await client.security.getUserPrivileges();
  const { remote_indices: entries = [] } = answer as { remote_indices?: RemoteIndices[] };
  const granting = entries.filter(({ privileges }) => privileges.some((privilege) => privilege !== 'none'));
  return [...new Set(granting.flatMap(({ clusters }) => clusters))];
};

type SecurityFacts = Pick<ClusterObservation, 'security' | 'apiKeyService' | 'missingPrivileges' | 'remoteAliases'>;

const securityFacts = async (name: string, client: Client): Promise<SecurityFacts> => {
  if (!(await answers(client.security.authenticate())))
    return { security: 'off', apiKeyService: 'off', missingPrivileges: [], remoteAliases: [] };
  const held = await client.security.hasPrivileges({ cluster: [...neededPrivileges] });
  const missingPrivileges = neededPrivileges.filter((privilege) => held.cluster[privilege] !== true);
  // Without this one nothing else can be looked at.
  if (missingPrivileges.includes('monitor'))
    throw new RemoraError('preflight-failed', lacksPrivileges(name, missingPrivileges) ?? '');
  // Whoever may not ask does not learn whether the service is on; that privilege is missed by a check of its own.
  const apiKeys =
    missingPrivileges.includes('manage_security') || (await answers(client.security.getApiKey({ owner: true })));
  return {
    security: 'on',
    apiKeyService: apiKeys ? 'on' : 'off',
    missingPrivileges,
    remoteAliases: await remoteAliases(client),
  };
};

const remoteSettings = async (client: Client): Promise<{ persistent: FlatSettings; transient: FlatSettings }> => {
  const answer = await client.cluster.getSettings({ flat_settings: true });
  const pick = (settings: Record<string, unknown> | undefined): FlatSettings =>
    Object.fromEntries(
      Object.entries(settings ?? {}).filter(([name]) => name.startsWith('cluster.remote.')),
    ) as FlatSettings;
  return { persistent: pick(answer.persistent), transient: pick(answer.transient) };
};

/** Where the copies of all shards of a cluster are. */
export const listShards = async (client: Client): Promise<ClusterObservation['shards']> =>
  shardCopies(
    await client.transport.request<ShardState>({
      method: 'GET',
      path: '/_cluster/state/nodes,routing_table',
      querystring: { filter_path: shardFilter },
    }),
  );

/** What a cluster says of itself. Throws RemoraErrors that name the cluster. */
export const observeCluster = async (name: string, client: Client): Promise<BareCluster> => {
  try {
    const security = await securityFacts(name, client);
    const [info, health, license, nodes, settings, shards] = await Promise.all([
      client.info(),
      client.cluster.health(),
      security.security === 'on' ? client.license.get() : null,
      listNodes(client),
      remoteSettings(client),
      listShards(client),
    ]);
    return {
      name,
      clusterUuid: info.cluster_uuid,
      version: info.version.number,
      minimumWireCompatibility: info.version.minimum_wire_compatibility_version,
      health: health.status.toLowerCase() as ClusterObservation['health'],
      license: { type: license?.license.type ?? 'unknown', active: license?.license.status === 'active' },
      ...security,
      nodes,
      ...settings,
      shards,
    };
  } catch (error) {
    throw await connectionProblem(error, client, 'Looking at the cluster');
  }
};
