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

/** All copies of each shard of which the only started one sits on this node although it has more: restarting the node would take the shard away. */
export const shardsOnlyOn = (shards: readonly ShardCopy[], node: string): ShardCopy[][] =>
  copiesByShard(shards)
    .filter((copies) => copies.length > 1 && copies.some((copy) => copy.node === node && isStarted(copy)))
    .filter((copies) => !copies.some((copy) => copy.node !== null && copy.node !== node && isStarted(copy)));

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
