import type { ShardCopy } from '../plan/roll/shards.ts';

/** What is asked of `_cluster/state/nodes,routing_table` for `shardCopies`. */
export const shardFilter =
  'nodes.*.name,routing_table.indices.*.shards.*.state,routing_table.indices.*.shards.*.primary,routing_table.indices.*.shards.*.node';

/** A cluster state as far as it tells of shards. An answer that would be empty leaves parts out. */
export interface ShardState {
  readonly nodes?: Readonly<Record<string, { readonly name: string }>>;
  readonly routing_table?: {
    readonly indices?: Readonly<Record<string, { readonly shards: Readonly<Record<string, readonly RoutingEntry[]>> }>>;
  };
}

interface RoutingEntry {
  readonly state: string;
  readonly primary: boolean;
  /** Id of its node; of the one that it leaves while it is relocating. */
  readonly node?: string | null;
}

/** All shard copies, from the cluster state: `_cat/shards` and `_cat/indices` need privileges for each index, this needs `monitor` alone. */
export const shardCopies = ({ nodes, routing_table }: ShardState): ShardCopy[] =>
  Object.entries(routing_table?.indices ?? {}).flatMap(([index, { shards }]) =>
    Object.entries(shards).flatMap(([shard, copies]) =>
      copies.map(({ state, primary, node }) => ({
        ...{ index, shard, primary, state },
        node: node ? (nodes?.[node]?.name ?? node) : null,
      })),
    ),
  );
