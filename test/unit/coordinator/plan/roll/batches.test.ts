import { describe, expect, test } from 'vitest';
import { type BatchLimits, type BatchNode, nextBatch } from '../../../../../coordinator/src/plan/roll/batches.ts';
import type { ShardCopy } from '../../../../../coordinator/src/plan/roll/shards.ts';

const node = (name: string, roles: readonly string[] = ['data'], zone = 'a'): BatchNode => ({
  ...{ name, roles, attributes: { zone } },
});

const copies = (index: string, ...nodes: (string | null)[]): ShardCopy[] =>
  nodes.map((on, i) => ({
    ...{ index, shard: '0', primary: i === 0, node: on, state: on === null ? 'UNASSIGNED' : 'STARTED' },
  }));

/** All batches of a roll in which every node comes back before the next batch. */
const batchesOf = (nodes: readonly BatchNode[], shards: readonly ShardCopy[], limits: BatchLimits): string[][] => {
  const batches: string[][] = [];
  for (let waiting = nodes.map(({ name }) => name); waiting.length > 0; ) {
    const batch = nextBatch({ nodes, shards }, waiting, limits);
    expect(batch.length).toBeGreaterThan(0);
    batches.push(batch);
    waiting = waiting.filter((name) => !batch.includes(name));
  }
  return batches;
};

const three = ['n1', 'n2', 'n3'].map((name) => node(name));

describe('a batch', () => {
  test('is no larger than it may be, in the order that was given', () => {
    expect(batchesOf([...three, node('n4')], [], { size: 2 })).toEqual([
      ['n1', 'n2'],
      ['n3', 'n4'],
    ]);
    expect(batchesOf(three, [], { size: 1 })).toEqual([['n1'], ['n2'], ['n3']]);
  });

  test('never has all started copies of a shard, whatever its size may be', () => {
    const shards = [...copies('x', 'n1', 'n2'), ...copies('y', 'n2', 'n3')];
    expect(batchesOf(three, shards, { size: 3 })).toEqual([['n1', 'n3'], ['n2']]);
  });

  test('leaves the last role, while nothing else does', () => {
    expect(batchesOf(three, [], { size: 3 })).toEqual([['n1', 'n2'], ['n3']]);
    const coordinating = ['c1', 'c2'].map((name) => node(name, []));
    expect(batchesOf(coordinating, [], { size: 2 })).toEqual([['c1'], ['c2']]);
    const one = [node('d', ['data']), node('i', ['ingest'])];
    expect(batchesOf(one, [], { size: 2 })).toEqual([['d', 'i']]);
  });

  test('is not held up by what goes with a node in any case: shards without a replica, or with one that is assigned nowhere', () => {
    const shards = [...copies('single', 'n1'), ...copies('lone', 'n2', null)];
    expect(batchesOf([...three, node('n4')], shards, { size: 2 })[0]).toEqual(['n1', 'n2']);
  });

  test('of a master-eligible node is that one alone', () => {
    const masters = ['m1', 'm2', 'm3'].map((name) => node(name, ['master']));
    const nodes = [...three, ...masters, node('n4')];
    expect(batchesOf(nodes, [], { size: 3 })).toEqual([['n1', 'n2', 'n3'], ['m1'], ['m2'], ['m3'], ['n4']]);
  });

  test('has nodes of one zone only, and with it the whole zone', () => {
    const nodes = [node('a1'), node('b1', ['data'], 'b'), node('a2'), node('b2', ['data'], 'b')];
    const shards = [...copies('x', 'a1', 'b1'), ...copies('y', 'a2', 'b2')];
    expect(batchesOf(nodes, shards, { size: 4, attribute: 'zone' })).toEqual([
      ['a1', 'a2'],
      ['b1', 'b2'],
    ]);
    expect(batchesOf(nodes, [...shards, ...copies('z', 'a1', 'a2')], { size: 4, attribute: 'zone' })).toEqual([
      ['a1'],
      ['b1', 'b2'],
      ['a2'],
    ]);
  });
});
