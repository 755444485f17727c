import { expect, test } from 'vitest';
import { planRestart } from '../../../../../coordinator/src/plan/restart/restart.ts';
import type { BatchOptions } from '../../../../../coordinator/src/plan/roll/batches.ts';
import { plannedBatches } from '../../../../../coordinator/src/plan/roll/planned-batches.ts';
import type { ShardCopy } from '../../../../../coordinator/src/plan/roll/shards.ts';
import { factsOf, request, sha256 } from '../../../../cases/connect/facts.ts';
import { planIn } from '../../../../cases/connect/plans.ts';
import { world } from '../../../../cases/connect/world.ts';

/** Seven nodes: three that can be master, us-1 elected; four data nodes in two zones. */
const observed = (() => {
  const { remote } = factsOf(world({ remote: 7 }), request());
  const nodes = remote.nodes.map((node, index) => ({
    ...node,
    roles: index < 3 ? ['master'] : ['data'],
    attributes: { zone: ['a', 'b'][index % 2] as string },
  }));
  return { ...remote, nodes };
})();
const plan = planRestart({ cluster: 'us' }, observed, {
  ...{ planId: 'plan-1', now: '2026-03-01T12:00:00.000Z', hash: sha256 },
});

const batchesOf = (options: BatchOptions, { shards = [] as ShardCopy[], away = [] as string[] } = {}) =>
  plannedBatches(plan, new Map([['us', { nodes: observed.nodes, shards, away }]]), options);
const nodesOf = (...given: Parameters<typeof batchesOf>) => batchesOf(...given).map(({ nodes }) => nodes.join(' '));

test.each<[BatchOptions, string[]]>([
  [{}, ['us-4', 'us-5', 'us-6', 'us-7', 'us-2', 'us-3', 'us-1']],
  [{ serial: ['2'] }, ['us-4 us-5', 'us-6 us-7', 'us-2', 'us-3', 'us-1']],
  [{ serial: ['1', '50%'] }, ['us-4', 'us-5 us-6 us-7', 'us-2', 'us-3', 'us-1']],
  [{ batchBy: 'zone' }, ['us-4 us-6', 'us-5 us-7', 'us-2', 'us-3', 'us-1']],
  [{ batchBy: 'zone', canary: true }, ['us-4', 'us-5 us-7', 'us-6', 'us-2', 'us-3', 'us-1']],
])('with %j the batches are those of the run: sizes, zones, masters alone, the elected one last', (options, nodes) => {
  expect(nodesOf(options)).toEqual(nodes);
  expect(nodesOf(options).join(' ').split(' ').sort()).toEqual([...plan.restarts].sort());
});

test('a batch names its zone, and the first node is the canary, in the first roll only', () => {
  expect(batchesOf({ batchBy: 'zone', canary: true }).slice(0, 2)).toEqual([
    { cluster: 'us', nodes: ['us-4'], attribute: 'b', canary: true, away: false },
    { cluster: 'us', nodes: ['us-5', 'us-7'], attribute: 'a', canary: false, away: false },
  ]);
  const connect = planIn(world({ local: 3, remote: 3 }), request());
  const canaries = plannedBatches(connect, new Map(), { canary: true }).filter(({ canary }) => canary);
  expect(canaries.map(({ nodes }) => nodes)).toEqual([[connect.restarts[0]]]);
});

test('copies of one shard are not taken together, and nodes whose agents are away come last', () => {
  const copy = (node: string, primary: boolean): ShardCopy => ({
    ...{ index: 'logs', shard: '0', state: 'STARTED', node, primary },
  });
  const shards = [copy('us-4', true), copy('us-5', false)];
  expect(nodesOf({ serial: ['2'] }, { shards })).toEqual(['us-4 us-6', 'us-5 us-7', 'us-2', 'us-3', 'us-1']);
  const away = batchesOf({ serial: ['2'] }, { away: ['us-4', 'us-2'] });
  expect(away.map(({ nodes }) => nodes.join(' '))).toEqual(['us-5 us-6', 'us-7', 'us-3', 'us-1', 'us-4', 'us-2']);
  expect(away.filter((batch) => batch.away).flatMap(({ nodes }) => nodes)).toEqual(['us-4', 'us-2']);
});
