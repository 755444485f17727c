import type { Client } from '@elastic/elasticsearch';
import type { ClusterObservation, FlatSettings, NodeObservation } from '../plan/facts.ts';
import { explain, statusOf } from './client.ts';

/** A node without what its agent sees. */
export type BareNode = Omit<NodeObservation, 'agent' | 'loadedCertificates'>;
export type BareCluster = Omit<ClusterObservation, 'nodes'> & { readonly nodes: readonly BareNode[] };

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

const neededPrivileges = ['monitor', 'manage', 'manage_security'] as const;

const securityFacts = async (
  client: Client,
): Promise<Pick<ClusterObservation, 'security' | 'apiKeyService' | 'missingPrivileges'>> => {
  if (!(await answers(client.security.authenticate())))
    return { security: 'off', apiKeyService: 'off', missingPrivileges: [] };
  const held = await client.security.hasPrivileges({ cluster: [...neededPrivileges] });
  const missingPrivileges = neededPrivileges.filter((privilege) => held.cluster[privilege] !== true);
  const apiKeys = await answers(client.security.getApiKey({ owner: true }));
  return { security: 'on', apiKeyService: apiKeys ? 'on' : 'off', missingPrivileges };
};

const remoteSettings = async (client: Client): Promise<{ persistent: FlatSettings; transient: FlatSettings }> => {
  const answer = await client.cluster.getSettings({ flat_settings: true });
  const pick = (settings: Record<string, unknown> | undefined): FlatSettings =>
    Object.fromEntries(
      Object.entries(settings ?? {}).filter(([name]) => name.startsWith('cluster.remote.')),
    ) as FlatSettings;
  return { persistent: pick(answer.persistent), transient: pick(answer.transient) };
};

const unreplicatedIndices = async (client: Client): Promise<string[]> => {
  const rows = await client.cat.indices({ format: 'json', h: ['index', 'rep'], expand_wildcards: 'all' });
  return rows.filter((row) => row.rep === '0').map((row) => String(row.index));
};

/** What a cluster says of itself. Throws RemoraErrors that name the cluster. */
export const observeCluster = async (name: string, client: Client): Promise<BareCluster> => {
  try {
    const [info, security] = await Promise.all([client.info(), securityFacts(client)]);
    const [health, license, nodes, settings, unreplicated] = await Promise.all([
      client.cluster.health(),
      security.security === 'on' ? client.license.get() : null,
      listNodes(client),
      remoteSettings(client),
      unreplicatedIndices(client),
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
      unreplicatedIndices: unreplicated,
    };
  } catch (error) {
    throw explain(error, name, 'Looking at the cluster');
  }
};
