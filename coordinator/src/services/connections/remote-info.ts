import type { ConnectionInfo } from '@remora/shared/model/inventory.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import type { NodeId } from '../../plan/node/node-id.ts';

const INFO_TIMEOUT_MS = 10_000;

/** What `_remote/info` says of an alias: good for what is configured, never for whether it works. */
export interface RemoteInfo {
  readonly mode: 'sniff' | 'proxy';
  readonly skip_unavailable: boolean;
  readonly initial_connect_timeout: string;
  readonly cluster_credentials?: string;
  readonly seeds?: readonly string[];
  readonly num_nodes_connected?: number;
  readonly max_connections_per_cluster?: number;
  readonly proxy_address?: string;
  readonly server_name?: string;
  readonly num_proxy_sockets_connected?: number;
  readonly max_proxy_socket_connections?: number;
}

/** By alias, as the node sees it that answers for the cluster; none when that does not answer. */
export const remoteInfoOf = async (
  parts: Pick<ObserveParts, 'clients'>,
  cluster: string,
): Promise<Readonly<Record<string, RemoteInfo>>> => {
  try {
    const client = await parts.clients.get(cluster);
    return (await client.cluster.remoteInfo()) as Record<string, RemoteInfo>;
  } catch {
    return {};
  }
};

/** The same as one node sees it, which says what is in its own elasticsearch.yml; none when its agent does not answer. */
export const nodeInfoOf = async (
  { clients, agents }: Pick<ObserveParts, 'clients' | 'agents'>,
  at: NodeId,
): Promise<Readonly<Record<string, RemoteInfo>>> => {
  try {
    const { user, password } = await clients.record(at.cluster);
    const ask = { method: 'GET', path: '/_remote/info', user, password: { $secret: password } } as const;
    const { status, body } = await agents.read(
      at,
      'request',
      { ...ask, timeoutMs: INFO_TIMEOUT_MS },
      { timeoutMs: INFO_TIMEOUT_MS * 2 },
    );
    return status === 200 ? (body as Record<string, RemoteInfo>) : {};
  } catch {
    return {};
  }
};

/** The same in Remora's own form. */
export const connectionInfoOf = (info: RemoteInfo): ConnectionInfo => {
  const both = { skipUnavailable: info.skip_unavailable, initialConnectTimeout: info.initial_connect_timeout };
  return info.mode === 'sniff'
    ? {
        ...both,
        seeds: [...(info.seeds ?? [])],
        nodesConnected: info.num_nodes_connected ?? 0,
        maxNodeConnections: info.max_connections_per_cluster ?? 0,
      }
    : {
        ...both,
        proxyAddress: info.proxy_address ?? '',
        // An empty one is none.
        serverName: info.server_name || null,
        proxySocketsConnected: info.num_proxy_sockets_connected ?? 0,
        maxProxySocketConnections: info.max_proxy_socket_connections ?? 0,
      };
};
