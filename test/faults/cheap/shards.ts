import type { LiveNode } from './state.ts';

/** A copy is being started for so long after its node came up: gates see it. */
const STARTING_MS = 150;

const INDEX = 'logs-app';
const SHARDS = ['0', '1'];

interface Copy {
  readonly state: 'STARTED' | 'INITIALIZING' | 'UNASSIGNED';
  readonly primary: boolean;
  readonly node: string | null;
}

/** Each shard has one copy on each of the cluster's nodes; those of a node that is away are unassigned. */
const copiesOf = (all: readonly string[], live: readonly LiveNode[], now: number): Copy[] => {
  const copies = all.map((name) => {
    const node = live.find((one) => one.name === name);
    if (!node) return { state: 'UNASSIGNED', node: null } as const;
    const isStarting = live.length > 1 && now - node.startedAtMs < STARTING_MS;
    return { state: isStarting ? 'INITIALIZING' : 'STARTED', node: node.id } as const;
  });
  const primary = copies.findIndex(({ state }) => state === 'STARTED');
  return copies.map((copy, index) => ({ ...copy, primary: index === Math.max(primary, 0) }));
};

export const routingTable = (all: readonly string[], live: readonly LiveNode[], now: number) => {
  const copies = copiesOf(all, live, now);
  const shards = Object.fromEntries(SHARDS.map((shard) => [shard, copies]));
  return { indices: { [INDEX]: { shards } } };
};

export const healthOf = (all: readonly string[], live: readonly LiveNode[], now: number) => {
  const copies = copiesOf(all, live, now);
  const primaryUp = copies.some(({ primary, state }) => primary && state === 'STARTED');
  const allUp = copies.every(({ state }) => state === 'STARTED');
  return {
    status: allUp ? 'green' : primaryUp ? 'yellow' : 'red',
    number_of_nodes: live.length,
    initializing_shards: copies.filter(({ state }) => state === 'INITIALIZING').length * SHARDS.length,
  };
};
