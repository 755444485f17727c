import { describe, expect, test } from 'vitest';
import { type ClosedGate, closedGates, gates, type RollFacts } from '../../../../../coordinator/src/plan/roll/gates.ts';
import type { ShardCopy } from '../../../../../coordinator/src/plan/roll/shards.ts';

/** Each gate of a roll, open and closed, for node n1 of n1, n2 and n3. */

const GB = 2 ** 30;

/** Disks of 100 GB by the share that is used. */
const disks = (used: Readonly<Record<string, number>>): RollFacts['disks'] =>
  Object.fromEntries(
    Object.entries(used).map(([node, share]) => [
      node,
      { totalBytes: 100 * GB, availableBytes: (1 - share) * 100 * GB },
    ]),
  );

const copy = (node: string | null, more: Partial<ShardCopy> = {}): ShardCopy => ({
  index: 'logs',
  shard: '0',
  primary: true,
  state: node === null ? 'UNASSIGNED' : 'STARTED',
  node,
  ...more,
});

const facts = (more: Partial<RollFacts> = {}): RollFacts => ({
  node: 'n1',
  batch: ['n1'],
  baseline: { health: 'green', nodes: 3 },
  outageStated: { master: false, data: [] },
  health: 'green',
  nodes: ['n1', 'n2', 'n3'],
  initializingShards: 0,
  shards: [copy('n1'), copy('n2', { primary: false })],
  voting: ['n1', 'n2', 'n3'],
  snapshotNodes: [],
  disks: disks({ n1: 0.5, n2: 0.5, n3: 0.5 }),
  watermarks: {
    low: { usedShare: 0.85, maxHeadroomBytes: 200 * GB },
    floodStage: { usedShare: 0.95, maxHeadroomBytes: 100 * GB },
  },
  agentOnline: true,
  ...more,
});

const open: { readonly name: string; readonly facts: Partial<RollFacts> }[] = [
  { name: 'a healthy cluster', facts: {} },
  { name: 'a node came since the plan', facts: { nodes: ['n1', 'n2', 'n3', 'n4'] } },
  { name: 'a cluster that was yellow already', facts: { health: 'yellow', baseline: { health: 'yellow', nodes: 3 } } },
  { name: 'health better than before', facts: { baseline: { health: 'red', nodes: 3 } } },
  {
    name: 'a replica that is never assigned, while another copy stands elsewhere',
    facts: {
      health: 'yellow',
      baseline: { health: 'yellow', nodes: 3 },
      shards: [copy('n1'), copy('n2', { primary: false }), copy(null, { primary: false })],
    },
  },
  {
    name: 'the other copy is relocating, which still serves where it comes from',
    facts: { shards: [copy('n1'), copy('n2', { primary: false, state: 'RELOCATING' })] },
  },
  { name: 'an index without replicas is listed in the plan, not waited for', facts: { shards: [copy('n1')] } },
  {
    name: 'an index of which only another node holds the last copy',
    facts: { shards: [copy('n2'), copy(null, { primary: false })] },
  },
  {
    name: 'two copies of one shard number of different indices are not copies of each other, and have none',
    facts: { shards: [copy('n1', { index: 'a' }), copy('n2', { index: 'b' })] },
  },
  { name: 'a node that does not vote, of two masters', facts: { voting: ['n2'] } },
  {
    name: 'a node that is the fifth voter',
    facts: { voting: ['n1', 'n2', 'n3', 'n4', 'n5'], nodes: ['n1', 'n2', 'n3', 'n4'] },
  },
  {
    name: 'a single node whose outage the plan states',
    facts: {
      outageStated: { master: true, data: 'all' },
      baseline: { health: 'yellow', nodes: 1 },
      health: 'yellow',
      nodes: ['n1'],
      voting: ['n1'],
      shards: [copy('n1'), copy(null, { primary: false })],
    },
  },
  {
    name: 'the voter of two masters, whose outage the plan states',
    facts: { outageStated: { master: true, data: [] }, voting: ['n1'] },
  },
  { name: 'a snapshot on another node', facts: { snapshotNodes: ['n2'] } },
  { name: 'another node over the low watermark', facts: { disks: disks({ n1: 0.5, n2: 0.9 }) } },
  { name: 'a full disk, when disks are not looked at', facts: { disks: disks({ n1: 0.99 }), watermarks: null } },
  {
    name: 'a large disk at 90 % with more free than the headroom',
    facts: { disks: { n1: { totalBytes: 10_000 * GB, availableBytes: 1000 * GB } } },
  },
  { name: 'a disk that nobody told of', facts: { disks: {} } },
];

const closed: {
  readonly name: string;
  readonly facts: Partial<RollFacts>;
  readonly gate: ClosedGate['gate'];
  readonly why: string;
}[] = [
  { name: 'the agent is away', facts: { agentOnline: false }, gate: 'agent-online', why: 'the agent of n1 is offline' },
  {
    name: 'a node is missing',
    facts: { nodes: ['n1', 'n2'], voting: ['n2'] },
    gate: 'no-node-missing',
    why: '2 of 3 nodes are in the cluster',
  },
  {
    name: 'a shard is initialising',
    facts: { initializingShards: 1 },
    gate: 'no-shard-initializing',
    why: '1 shard is initialising',
  },
  {
    name: 'shards are initialising',
    facts: { initializingShards: 12 },
    gate: 'no-shard-initializing',
    why: '12 shards are initialising',
  },
  {
    name: 'health is worse',
    facts: { health: 'yellow' },
    gate: 'health-not-worse',
    why: 'health is yellow, and was green before the roll',
  },
  {
    name: 'red after yellow',
    facts: { health: 'red', baseline: { health: 'yellow', nodes: 3 } },
    gate: 'health-not-worse',
    why: 'health is red, and was yellow',
  },
  {
    name: 'the node holds the only started copy',
    facts: { shards: [copy('n1'), copy('n2', { primary: false, state: 'INITIALIZING' })] },
    gate: 'copies-elsewhere',
    why: 'n1 holds the only started copy of logs[0]',
  },
  {
    name: 'the only started copy is relocating away from the node',
    facts: { shards: [copy('n1', { state: 'RELOCATING' }), copy(null, { primary: false })] },
    gate: 'copies-elsewhere',
    why: 'n1 holds the only started copy of logs[0]',
  },
  {
    name: 'many last copies',
    facts: {
      shards: ['a', 'b', 'c', 'd', 'e'].flatMap((index) => [
        copy('n1', { index }),
        copy(null, { index, primary: false }),
      ]),
    },
    gate: 'copies-elsewhere',
    why: 'a[0], b[0], c[0] and 2 more',
  },
  {
    name: 'one of two voters',
    facts: { voting: ['n1', 'n2'] },
    gate: 'master-quorum',
    why: '1 of 2 voting nodes would be left without n1',
  },
  { name: 'the only voter', facts: { voting: ['n1'] }, gate: 'master-quorum', why: '0 of 1 voting nodes' },
  {
    name: 'another voter is away',
    facts: { nodes: ['n1', 'n2', 'n4'], voting: ['n1', 'n2', 'n3'] },
    gate: 'master-quorum',
    why: '1 of 3 voting nodes would be left',
  },
  {
    name: 'a running snapshot',
    facts: { snapshotNodes: ['n1'] },
    gate: 'no-running-snapshot',
    why: 'n1 holds a shard of a running snapshot',
  },
  {
    name: 'the disk is over the low watermark',
    facts: { disks: disks({ n1: 0.851 }) },
    gate: 'disk-space',
    why: 'the disk of n1 is over the low watermark (85.1 %)',
  },
  {
    name: 'another disk is at flood stage',
    facts: { disks: disks({ n1: 0.1, n3: 0.951 }) },
    gate: 'disk-space',
    why: 'the disk of n3 is at flood stage (95.1 %)',
  },
];

describe('the gates of a roll are open for', () => {
  test.each(open)('$name', ({ facts: more }) => {
    expect(closedGates(facts(more))).toEqual([]);
  });
});

describe('a gate is closed when', () => {
  test.each(closed)('$name', ({ facts: more, gate, why }) => {
    expect(closedGates(facts(more))).toEqual([{ gate, why: expect.stringContaining(why) }]);
  });

  test('several are: each is said, in the order of the table', () => {
    const found = closedGates(facts({ agentOnline: false, health: 'red', snapshotNodes: ['n1'] }));
    expect(found.map(({ gate }) => gate)).toEqual(['agent-online', 'health-not-worse', 'no-running-snapshot']);
  });

  test('the cluster does not answer: nothing else is known', () => {
    expect(closedGates({ unanswered: 'no answer' })).toEqual([{ gate: 'cluster-answers', why: 'no answer' }]);
  });

  test('has a case here for every gate', () => {
    const covered = new Set<ClosedGate['gate']>(['cluster-answers', ...closed.map(({ gate }) => gate)]);
    expect(Object.keys(gates).filter((gate) => !covered.has(gate as ClosedGate['gate']))).toEqual([]);
  });

  test('an outage of masters that is stated opens no gate of data, nor the other way round', () => {
    const both = {
      voting: ['n1'],
      shards: [copy('n1'), copy(null, { primary: false })],
      baseline: { health: 'yellow', nodes: 3 },
    } as const;
    const gateOf = (outageStated: RollFacts['outageStated']) =>
      closedGates(facts({ ...both, outageStated })).map(({ gate }) => gate);
    expect(gateOf({ master: true, data: [] })).toEqual(['copies-elsewhere']);
    expect(gateOf({ master: false, data: ['logs[0]'] })).toEqual(['master-quorum']);
  });

  test('a shard that is stated lets no other shard through', () => {
    const shards = [...['logs', 'later'].flatMap((index) => [copy('n1', { index }), copy(null, { index })])];
    const outageStated = { master: false, data: ['logs[0]'] };
    const baseline = { health: 'yellow', nodes: 3 } as const;
    expect(closedGates(facts({ shards, outageStated, baseline, health: 'yellow' }))).toEqual([
      { gate: 'copies-elsewhere', why: 'n1 holds the only started copy of later[0]' },
    ]);
  });

  test('an outage that is stated lets through nothing else', () => {
    const stated: Partial<RollFacts> = {
      outageStated: { master: true, data: 'all' },
      agentOnline: false,
      initializingShards: 1,
      snapshotNodes: ['n1'],
    };
    expect(closedGates(facts(stated)).map(({ gate }) => gate)).toEqual([
      'agent-online',
      'no-shard-initializing',
      'no-running-snapshot',
    ]);
  });
});
