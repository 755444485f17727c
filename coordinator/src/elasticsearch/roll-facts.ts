import type { Client } from '@elastic/elasticsearch';
import type { RollFacts } from '../plan/roll/gates.ts';
import { parseWatermark, type Watermark } from '../plan/roll/watermark.ts';
import { type ShardState, shardCopies, shardFilter } from './shard-copies.ts';

/** The part of a gate's facts that the cluster answers. */
export type ClusterRollFacts = Omit<RollFacts, 'node' | 'batch' | 'baseline' | 'outageStated' | 'agentOnline'>;

interface CoordinationState extends ShardState {
  readonly metadata?: { readonly cluster_coordination?: { readonly last_committed_config?: readonly string[] } };
}

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

const disksOf = async (client: Client): Promise<RollFacts['disks']> => {
  const stats = await client.nodes.stats({ metric: 'fs' });
  const known = Object.values(stats.nodes).flatMap(({ name, fs }) => {
    const totalBytes = fs?.total?.total_in_bytes ?? 0;
    return name && totalBytes > 0
      ? [[name, { totalBytes, availableBytes: fs?.total?.available_in_bytes ?? 0 }] as const]
      : [];
  });
  return Object.fromEntries(known);
};

/** What Elasticsearch goes by; its own defaults where it answers none. */
const watermarksOf = async (client: Client): Promise<RollFacts['watermarks']> => {
  const answer = await client.cluster.getSettings({ flat_settings: true, include_defaults: true });
  const all = { ...answer.defaults, ...answer.persistent, ...answer.transient } as Record<string, unknown>;
  const text = (name: string): string => String(all[`cluster.routing.allocation.disk.${name}`] ?? '');
  if (text('threshold_enabled') === 'false') return null;
  const mark = (name: string): Watermark | null =>
    parseWatermark(text(`watermark.${name}`), text(`watermark.${name}.max_headroom`));
  return {
    low: mark('low') ?? { usedShare: 0.85, maxHeadroomBytes: 200 * 2 ** 30 },
    floodStage: mark('flood_stage') ?? { usedShare: 0.95, maxHeadroomBytes: 100 * 2 ** 30 },
  };
};

/** Looks at everything that the gates of a roll need from the cluster. */
export const observeRoll = async (client: Client): Promise<ClusterRollFacts> => {
  const [health, state, disks, watermarks] = await Promise.all([
    client.cluster.health(),
    client.transport.request<CoordinationState>({
      method: 'GET',
      path: '/_cluster/state/nodes,metadata,routing_table',
      querystring: { filter_path: `${shardFilter},metadata.cluster_coordination.last_committed_config` },
    }),
    disksOf(client),
    watermarksOf(client),
  ]);
  const names = new Map(Object.entries(state.nodes ?? {}).map(([id, node]) => [id, node.name]));
  const voting = (state.metadata?.cluster_coordination?.last_committed_config ?? []).map((id) => names.get(id) ?? id);
  return {
    health: health.status.toLowerCase() as RollFacts['health'],
    nodes: [...names.values()],
    initializingShards: health.initializing_shards,
    shards: shardCopies(state),
    voting,
    snapshotNodes: await snapshotNodes(client, names),
    disks,
    watermarks,
  };
};
