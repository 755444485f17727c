/** A shard copy as the routing table of the cluster state tells it. */
export interface ShardCopy {
  readonly index: string;
  readonly shard: string;
  readonly primary: boolean;
  readonly state: string;
  /** Name of its node, of the one that it leaves while it is relocating; null while unassigned. */
  readonly node: string | null;
}

const copiesByShard = (shards: readonly ShardCopy[]): ShardCopy[][] => [
  ...Map.groupBy(shards, ({ index, shard }) => `${index}/${shard}`).values(),
];

const isStarted = ({ state }: ShardCopy): boolean => state === 'STARTED' || state === 'RELOCATING';

/** All copies of each shard whose started ones all sit on these nodes although it has more: restarting them together would take the shard away. */
export const shardsOnlyOn = (shards: readonly ShardCopy[], nodes: readonly string[]): ShardCopy[][] =>
  copiesByShard(shards).filter((copies) => {
    const started = copies.filter(isStarted);
    return (
      copies.length > 1 && started.length > 0 && started.every(({ node }) => node !== null && nodes.includes(node))
    );
  });

/** `INDEX[SHARD]`, as Elasticsearch writes it; empty of none. */
export const shardName = (copy: ShardCopy | undefined): string => (copy ? `${copy.index}[${copy.shard}]` : '');

/** For people: the first three of these shards, and how many more there are. */
export const nameShards = (shards: readonly (readonly ShardCopy[])[]): string => {
  const names = shards.map(([copy]) => shardName(copy));
  return `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
};

/** Indices with no copy but one. */
export const unreplicatedIndices = (shards: readonly ShardCopy[]): string[] => [
  ...new Set(copiesByShard(shards).flatMap((copies) => (copies.length === 1 ? copies.map(({ index }) => index) : []))),
];
