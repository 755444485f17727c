import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClusterObservation } from '../../../../../coordinator/src/plan/facts.ts';
import { byName, rollOrder } from '../../../../../coordinator/src/plan/order.ts';
import { outagesOf, statedOutages, unreplicatedWarning } from '../../../../../coordinator/src/plan/roll/outages.ts';
import { factsOf, request } from '../../../../cases/connect/facts.ts';
import { shard, world } from '../../../../cases/connect/world.ts';

const all = ['data', 'master', 'remote_cluster_client'];

/** A cluster `us` with these roles, its nodes named us-1, us-2, … */
const cluster = (...roles: (readonly string[])[]): ClusterObservation =>
  factsOf(world({ remote: roles }), request()).remote;

const named = (...numbers: number[]): string[] => numbers.map((number) => `us-${number}`);

const cases: {
  readonly name: string;
  readonly roles: (readonly string[])[];
  readonly restarts: number[];
  readonly outages: RegExp[];
}[] = [
  { name: 'no restart', roles: [all], restarts: [], outages: [] },
  {
    name: 'one node',
    roles: [all],
    restarts: [1],
    outages: [/^Cluster us has one node: it is unavailable while us-1 restarts\.$/],
  },
  {
    name: 'two masters',
    roles: [all, all],
    restarts: [1, 2],
    outages: [/two master-eligible nodes, of which one votes.*503/],
  },
  {
    name: 'two masters, of which one restarts',
    roles: [all, all, ['data']],
    restarts: [2],
    outages: [/two master-eligible nodes/],
  },
  { name: 'two masters, of which none restarts', roles: [all, all, ['data']], restarts: [3], outages: [] },
  { name: 'three masters', roles: [all, all, all], restarts: [1, 2, 3], outages: [] },
  {
    name: 'one master and data nodes',
    roles: [['master'], ['data'], ['data']],
    restarts: [1, 2, 3],
    outages: [/one node that can be elected master.*us-1 restarts/],
  },
  { name: 'one master that does not restart', roles: [['master'], ['data'], ['data']], restarts: [2, 3], outages: [] },
  {
    name: 'one master beside two that only vote',
    roles: [all, ['data', 'master', 'voting_only'], ['master', 'voting_only']],
    restarts: [1, 2, 3],
    outages: [/one node that can be elected master.*us-1/],
  },
  {
    name: 'two masters beside one that only votes',
    roles: [all, all, ['master', 'voting_only']],
    restarts: [1, 2, 3],
    outages: [],
  },
  {
    name: 'one data node, for whose copies nobody can wait',
    roles: [['master'], ['master'], ['master'], ['data_hot', 'data_content']],
    restarts: [1, 2, 3, 4],
    outages: [/^Cluster us has one data node: its indices are unavailable while us-4 restarts\.$/],
  },
  {
    name: 'one data node that does not restart',
    roles: [['master'], ['master'], ['master'], ['data']],
    restarts: [1],
    outages: [],
  },
  {
    name: 'one master, one data node',
    roles: [['master'], ['data']],
    restarts: [1, 2],
    outages: [/elected master/, /one data node/],
  },
];

describe('outages', () => {
  test.each(cases)('of $name', ({ roles, restarts, outages }) => {
    const found = outagesOf(cluster(...roles), named(...restarts));
    expect(found).toHaveLength(outages.length);
    for (const [i, pattern] of outages.entries()) expect(found[i]).toMatch(pattern);
  });

  test('of shards are stated when no other copy is assigned, and not while one is under way', () => {
    const initializing = shard('b', 'us-2', 'us-1').map((copy, i) =>
      i === 1 ? { ...copy, state: 'INITIALIZING' } : copy,
    );
    const many = ['c', 'd', 'e', 'f'].flatMap((index) => shard(index, 'us-1', null));
    const shards = [...shard('a', 'us-3'), ...initializing, ...many, ...shard('g', null, null)];
    const three = { ...cluster(all, all, all), shards };
    expect(outagesOf(three, named(1, 2, 3))).toEqual([
      expect.stringMatching(
        /^Node us-1 of cluster us holds the only started copy of c\[0\], d\[0\], e\[0\] and 1 more, /,
      ),
    ]);
    expect(outagesOf(three, named(2, 3))).toEqual([]);
    expect(named(1, 2, 3).map((node) => statedOutages(three, node).data)).toEqual([
      ['c[0]', 'd[0]', 'e[0]', 'f[0]'],
      [],
      [],
    ]);
  });

  test('are stated for the nodes that cause them', () => {
    const [three, mixed] = [cluster(all, all, all), cluster(['master'], ['data'], ['data'])];
    expect(named(1, 2, 3).map((node) => statedOutages(three, node).master)).toEqual([false, false, false]);
    expect(named(1, 2, 3).map((node) => statedOutages(mixed, node).master)).toEqual([true, false, false]);
  });
});

describe('indices without replicas', () => {
  const shards = [...shard('a', 'us-1'), ...shard('b', 'us-2'), ...shard('c', 'us-1', 'us-2')];
  const lone = { ...cluster(all, all), shards };
  test('are listed when a node restarts', () => {
    expect(unreplicatedWarning(lone, ['us-1'])).toEqual([
      'Indices of cluster us without a replica are unavailable while their node restarts: a, b.',
    ]);
  });
  test('are not when none restarts, or when the whole cluster goes away anyway', () => {
    expect(unreplicatedWarning(lone, [])).toEqual([]);
    expect(unreplicatedWarning({ ...cluster(all), shards: shard('a', 'us-1') }, ['us-1'])).toEqual([]);
  });
});

describe('the order of a roll', () => {
  const node = (name: string, roles: readonly string[], electedMaster = false) => ({ name, roles, electedMaster });
  test('is: nodes that cannot be master, masters, the elected one; each as people count', () => {
    const nodes = [node('m1', ['master'], true), node('n10', ['data']), node('m2', ['master']), node('n2', [])];
    expect(rollOrder(nodes).map(({ name }) => name)).toEqual(['n2', 'n10', 'm2', 'm1']);
  });

  test('does not depend on the order in which a cluster lists its nodes', () => {
    const names = fc.uniqueArray(fc.constantFrom('n1', 'n01', 'N1', 'n-1', 'ń1', 'n10', 'n2', 'n\u0000'), {
      minLength: 2,
    });
    fc.assert(
      fc.property(names, fc.nat(), (list, seed) => {
        const nodes = list.map((name) => node(name, []));
        const turned = [...nodes.slice(seed % nodes.length), ...nodes.slice(0, seed % nodes.length)];
        expect(rollOrder(turned)).toEqual(rollOrder(nodes));
        expect([...turned].sort(byName)).toEqual([...nodes].sort(byName));
      }),
    );
  });
});
