import { describe, expect, test } from 'vitest';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { checkPlan, type PlanCase } from '../connect/runner.ts';
import { standing } from '../connect/standing.ts';
import { allRoles, changed, nodeOf, world } from '../connect/world.ts';
import { aliasIn, all, done, inFile, linesOf, one, prove, put, record, roll } from './places.ts';

/** Connections whose alias stands in elasticsearch.yml of local nodes. */

const remote = [
  ...['prepare connection.record coordinator none', 'prepare ca.create coordinator none'],
  'api-key api-key.create us api',
  ...['us-2', 'us-3', 'us-1'].map((node) => `certificates certificate.issue ${node} none`),
  ...['us-2', 'us-3', 'us-1'].map((node) => `remote-roll node.change ${node} restart`),
  ...['us-2', 'us-3', 'us-1'].map((node) => `remote-verify remote-server.verify ${node} none`),
];

const cases: PlanCase[] = [
  {
    name: 'on every node: its lines come in the roll that it has anyway, and the settings of the cluster stay empty',
    world: () => world({ local: 3 }),
    wish: all,
    steps: [...remote, ...roll('eu-2', 'eu-3', 'eu-1'), prove],
    restarts: ['us-2', 'us-3', 'us-1', 'eu-2', 'eu-3', 'eu-1'],
    also: (plan) => {
      const [, settings] = stepOf(plan, 'node.change', 'eu-2').input.operations;
      expect(settings).toMatchObject({ name: 'settings', input: { set: inFile } });
      expect(stepOf(plan, 'node.change', 'eu-2').diff).toContain('+   cluster.remote.us.mode: sniff');
      expect(stepOf(plan, 'connection.prove').input).not.toHaveProperty('nodes');
    },
  },
  {
    name: 'on a node that is named: the others are left alone, and need no agent',
    world: changed(
      (made) => {
        nodeOf(made.local, 'eu-1').agent = 'missing';
      },
      () => world({ local: 3 }),
    ),
    wish: one,
    steps: [...remote, ...roll('eu-2'), prove],
    restarts: ['us-2', 'us-3', 'us-1', 'eu-2'],
    also: (plan) => expect(stepOf(plan, 'connection.prove').input).toMatchObject({ nodes: ['eu-2'] }),
  },
  {
    name: 'in proxy mode: the address, the server name and further settings',
    world: () => world({ local: [allRoles, ['master', 'data']] }),
    wish: {
      ...{ ...all, mode: 'proxy', proxyAddress: 'proxy.example.com:443', serverName: 'us.example.com' },
      ...{ skipUnavailable: false, set: { 'transport.compress': 'true' } },
    },
    steps: [...remote, ...roll('eu-1'), prove],
    restarts: ['us-2', 'us-3', 'us-1', 'eu-1'],
    outages: [/^Cluster eu has two master|eu-1/],
    also: (plan) =>
      expect(stepOf(plan, 'node.change', 'eu-1').input.operations).toContainEqual(
        expect.objectContaining({
          name: 'settings',
          input: expect.objectContaining({
            set: expect.objectContaining({
              'cluster.remote.us.mode': 'proxy',
              'cluster.remote.us.proxy_address': 'proxy.example.com:443',
              'cluster.remote.us.server_name': 'us.example.com',
              'cluster.remote.us.skip_unavailable': 'false',
              'cluster.remote.us.transport.compress': 'true',
            }),
          }),
        }),
      ),
  },
  {
    name: 'again with the same: nothing',
    world: standing(undefined, one),
    wish: one,
    steps: [],
  },
  {
    name: 'the line of one node was changed by hand: it comes back, by a restart of that node',
    world: standing((made) => {
      nodeOf(made.local, 'eu-3').yml.values['cluster.remote.us.seeds'] = ['10.9.9.9:9443'];
    }, all),
    wish: all,
    steps: [...roll('eu-3'), prove],
    restarts: ['eu-3'],
    also: (plan) =>
      expect(stepOf(plan, 'node.change', 'eu-3').diff).toContain('-   cluster.remote.us.seeds: ["10.9.9.9:9443"]'),
  },
  {
    name: 'the lines were written and never loaded: the node restarts',
    world: standing((made) => {
      for (const name of Object.keys(inFile)) delete nodeOf(made.local, 'eu-3').running.settings[name];
    }, all),
    wish: all,
    steps: [...roll('eu-3'), prove],
    restarts: ['eu-3'],
  },
  {
    name: 'a setting that is not wanted any more goes, one of others stays and is named',
    world: standing(
      (made) => {
        nodeOf(made.local, 'eu-2').yml.values['cluster.remote.us.node_connections'] = 5;
      },
      { ...one, skipUnavailable: false },
    ),
    wish: one,
    steps: [...roll('eu-2'), prove],
    restarts: ['eu-2'],
    warnings: [
      /^elasticsearch\.yml of node eu-2 \(cluster eu\) has settings of us too: node_connections is in force on that node alone\./,
    ],
    also: (plan) =>
      expect(stepOf(plan, 'node.change', 'eu-2').diff).toContain('-   cluster.remote.us.skip_unavailable: false'),
  },
  {
    name: 'from sniff to proxy mode: the settings of the other mode, with which no node starts, go in the same restart',
    world: standing(undefined, one),
    wish: { ...one, mode: 'proxy', proxyAddress: 'proxy.example.com:443' },
    steps: [record, ...reissued(), ...roll('eu-2'), prove],
    restarts: ['eu-2'],
    also: (plan) => {
      const { diff } = stepOf(plan, 'node.change', 'eu-2');
      expect(diff).toContain('-   cluster.remote.us.seeds: ');
      expect(diff).toContain('+   cluster.remote.us.proxy_address: proxy.example.com:443');
    },
  },
];

function reissued(): string[] {
  const nodes = ['us-2', 'us-3', 'us-1'];
  return [
    ...nodes.map((node) => `certificates certificate.issue ${node} none`),
    ...nodes.map((node) => `remote-files node.change ${node} file`),
    ...nodes.map((node) => `remote-verify remote-server.verify ${node} none`),
  ];
}

describe('an alias in elasticsearch.yml', () => {
  test.each(cases)('$name', checkPlan);

  test.each([
    ['on every node', all],
    ['on one', one],
  ])('%s: works then, and nothing is left to do', (_, wish) => {
    const made = done(world({ local: 3 }), wish);
    expect(aliasIn(made)).toEqual([]);
    expect(linesOf(made, 'eu-2')).toEqual(inFile);
    expect(linesOf(made, 'eu-3')).toEqual(wish === all ? inFile : {});
    expect(Object.keys(nodeOf(made.local, 'eu-3').keystore.entries)).toHaveLength(wish === all ? 2 : 1);
  });
});

describe('static nodes that become others', () => {
  test('one that goes loses its lines and its credential in one restart', () => {
    const before = connected(world({ local: 3 }), all);
    const plan = planIn(before, request({ staticNodes: ['eu-2', 'eu-3'] }));
    expect(lines(plan)).toEqual([record, ...roll('eu-1'), prove]);
    expect(plan.warnings).toEqual([expect.stringMatching(/^The alias us goes from eu-1 \(cluster eu\)/)]);
    const made = done(before, { staticNodes: ['eu-3', 'eu-2', 'eu-3'] });
    expect(linesOf(made, 'eu-1')).toEqual({});
    expect(nodeOf(made.local, 'eu-1').running.credentials).toEqual({});
  });

  test('what somebody put into the settings of the cluster later is taken out, with what that does', () => {
    const before = connected(world({ local: 2 }), all);
    before.local.persistent = { 'cluster.remote.us.mode': 'sniff', 'cluster.remote.us.seeds': ['10.0.1.3:9443'] };
    const plan = planIn(before, request(all));
    expect(lines(plan)).toEqual([put, prove]);
    expect(stepOf(plan, 'cluster-settings.put').reason).toContain('a change of seeds closes it');
  });

  test('a second connection has its CA on the nodes of the first one only where the CA file is', () => {
    const made = done(connected(world({ local: 3 }), one), one);
    const second = planIn(made, request({ alias: 'second', staticNodes: ['eu-3'] }));
    expect(second.restarts).toEqual(['eu-3']);
    expect(second.steps.filter(({ target }) => target === 'eu-1')).toEqual([]);
  });
});
