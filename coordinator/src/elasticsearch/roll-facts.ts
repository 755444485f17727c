import type { Client } from '@elastic/elasticsearch';
import type { RollFacts, ShardCopy } from '../plan/gates.ts';

/** The part of a gate's facts that the cluster answers. */
export type ClusterRollFacts = Omit<RollFacts, 'node' | 'baseline' | 'outageStated' | 'agentOnline'>;

interface CoordinationState {
  readonly nodes: Readonly<Record<string, { readonly name: string }>>;
  readonly metadata?: { readonly cluster_coordination?: { readonly last_committed_config?: readonly string[] } };
}

const shardCopies = async (client: Client): Promise<ShardCopy[]> => {
  const rows = await client.cat.shards({ format: 'json', h: ['index', 'shard', 'prirep', 'state', 'node'] });
  return rows.map((row) => ({
    index: String(row.index),
    shard: String(row.shard),
    primary: row.prirep === 'p',
    state: String(row.state),
    // A relocating copy reads "FROM -> IP ID TO": it is started on the node it comes from.
    node: row.node ? (String(row.node).split(' -> ')[0] ?? null) : null,
  }));
};

const snapshotNodes = async (client: Client, names: ReadonlyMap<string, string>): Promise<string[]> => {
  const answer = await client.snapshot.status();
  const shards = answer.snapshots.flatMap((snapshot) =>
    Object.values(snapshot.indices).flatMap((index) => Object.values(index.shards)),
  );
  const running = shards.filter(({ stage }) => !['DONE', 'FAILURE'].includes(String(stage)));
  return [
    ...new Set(
      running.map((shard) => (shard as { readonly node?: string }).node ?? '').map((id) => names.get(id) ?? id),
    ),
  ];
};

const disks = async (client: Client): Promise<Record<string, number>> => {
  const stats = await client.nodes.stats({ metric: 'fs' });
  const used = Object.values(stats.nodes).flatMap(({ name, fs }) => {
    const total = fs?.total?.total_in_bytes ?? 0;
    return name && total > 0 ? [[name, 1 - (fs?.total?.available_in_bytes ?? 0) / total] as const] : [];
  });
  return Object.fromEntries(used);
};

/** Watermarks as shares of the disk; ones that are given in bytes do not fit a share and count as never reached here. */
const watermarks = async (client: Client): Promise<{ lowWatermark: number; floodStage: number }> => {
  const answer = await client.cluster.getSettings({ flat_settings: true, include_defaults: true });
  const prefix = 'cluster.routing.allocation.disk.watermark';
  const share = (name: string, fallback: number): number => {
    const all = { ...answer.defaults, ...answer.persistent, ...answer.transient } as Record<string, unknown>;
    const text = String(all[`${prefix}.${name}`] ?? '');
    if (text.endsWith('%')) return Number(text.slice(0, -1)) / 100;
    return /^0?\.\d+$/.test(text) ? Number(text) : text === '' ? fallback : 1;
  };
  return { lowWatermark: share('low', 0.85), floodStage: share('flood_stage', 0.95) };
};

/** Looks at everything that the gates of a roll need from the cluster. */
export const observeRoll = async (client: Client): Promise<ClusterRollFacts> => {
  const [health, state, shards, diskUsed, marks] = await Promise.all([
    client.cluster.health(),
    client.transport.request<CoordinationState>({
      method: 'GET',
      path: '/_cluster/state/nodes,metadata',
      querystring: { filter_path: 'nodes.*.name,metadata.cluster_coordination.last_committed_config' },
    }),
    shardCopies(client),
    disks(client),
    watermarks(client),
  ]);
  const names = new Map(Object.entries(state.nodes).map(([id, node]) => [id, node.name]));
  const voting = (state.metadata?.cluster_coordination?.last_committed_config ?? []).map((id) => names.get(id) ?? id);
  return {
    health: health.status.toLowerCase() as RollFacts['health'],
    nodes: [...names.values()],
    initializingShards: health.initializing_shards,
    shards,
    voting,
    snapshotNodes: await snapshotNodes(client, names),
    diskUsed,
    ...marks,
  };
};
