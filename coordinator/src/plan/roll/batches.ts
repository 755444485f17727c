import { batchSize, type ChangeOptions } from '@remora/shared/model/change-options.ts';
import { rollOrder } from '../order.ts';
import { type ShardCopy, shardName, shardsOnlyOn } from './shards.ts';

/** What has to be known of a node to say with which others it may restart. */
export interface BatchNode {
  readonly name: string;
  readonly roles: readonly string[];
  /** `node.attr.*`, without that beginning. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** All nodes of a cluster, and where its shards are. */
export interface BatchFacts {
  readonly nodes: readonly BatchNode[];
  readonly shards: readonly ShardCopy[];
}

export interface BatchLimits {
  /** How many nodes may restart at once. */
  readonly size: number;
  /** Only nodes with the same value of this attribute restart together; undefined when it does not matter. */
  readonly attribute?: string | undefined;
}

const isMaster = ({ roles }: BatchNode): boolean => roles.includes('master');

/** Shards that are gone while these nodes restart, beyond those that are gone whichever of them restarts by itself. */
const shardsLost = (shards: readonly ShardCopy[], nodes: readonly string[]): boolean => {
  const alone = new Set(nodes.flatMap((node) => shardsOnlyOn(shards, [node]).map(([copy]) => shardName(copy))));
  return shardsOnlyOn(shards, nodes).some(([copy]) => !alone.has(shardName(copy)));
};

/** A role that several nodes have and that none of the others would have: nobody would ingest, say, while they restart. */
const takesRole = (all: readonly BatchNode[], batch: readonly BatchNode[]): boolean =>
  [...new Set(batch.flatMap(({ roles }) => roles))].some((role) => {
    const holders = all.filter(({ roles }) => roles.includes(role));
    return holders.length > 1 && holders.every((holder) => batch.includes(holder));
  });

/** Nodes that only coordinate have no role at all; one of several stays as well. */
const takesAll = (all: readonly BatchNode[], batch: readonly BatchNode[]): boolean => {
  const plain = all.filter(({ roles }) => roles.length === 0);
  return takesRole(all, batch) || (plain.length > 1 && plain.every((node) => batch.includes(node)));
};

const mayJoin = (facts: BatchFacts, batch: readonly BatchNode[], node: BatchNode, attribute?: string): boolean => {
  const [first] = batch;
  if (!first) return true;
  if (attribute !== undefined && first.attributes[attribute] !== node.attributes[attribute]) return false;
  if (isMaster(node) || isMaster(first)) return false;
  const together = [...batch, node];
  return (
    !takesAll(facts.nodes, together) &&
    !shardsLost(
      facts.shards,
      together.map(({ name }) => name),
    )
  );
};

/**
 * The nodes that restart next, of those that are waiting in this order: the first one, and what may go with it. A master-eligible node restarts alone: one that
 * is elected while data nodes are away takes their shards for lost. No shard loses all copies, and no role all nodes that have it: what would only wait at a
 * gate is left for a later batch.
 */
export const nextBatch = (facts: BatchFacts, waiting: readonly string[], limits: BatchLimits): string[] => {
  const batch: BatchNode[] = [];
  for (const name of waiting) {
    if (batch.length >= limits.size) break;
    const node = facts.nodes.find((one) => one.name === name);
    if (node && mayJoin(facts, batch, node, limits.attribute)) batch.push(node);
  }
  return batch.map(({ name }) => name);
};

/** What the options say of how nodes restart together. */
export type BatchOptions = Pick<ChangeOptions, 'serial' | 'batchBy' | 'canary'>;

interface Progress {
  /** Nodes of the whole roll, and those of it that are left. */
  readonly total: number;
  readonly left: number;
  /** Somebody looked at the first node, and said to go on. */
  readonly continued: boolean;
}

/** How large the next batch of a roll may be; a canary is alone. */
export const batchLimits = (options: BatchOptions, { total, left, continued }: Progress): BatchLimits => ({
  size: options.canary === true && !continued ? 1 : batchSize(options, total, total - left),
  attribute: options.batchBy,
});

/** Who is away does not hold up the others; of those who are all away, the first waits at its gate. */
export const readyOf = <T>(left: readonly T[], online: readonly T[]): readonly T[] =>
  online.length > 0 ? online : left;

/** A cluster whose nodes roll, as it is at this moment: which node is elected decides who comes last. */
export interface RollingCluster extends BatchFacts {
  readonly nodes: readonly (BatchNode & { readonly electedMaster: boolean })[];
}

/** The nodes that restart next, of those that are ready; none when the cluster knows none of them. */
export const nextOfRoll = (facts: RollingCluster, ready: readonly string[], limits: BatchLimits): string[] => {
  const waiting = rollOrder(facts.nodes.filter(({ name }) => ready.includes(name))).map(({ name }) => name);
  return nextBatch(facts, waiting, limits);
};
