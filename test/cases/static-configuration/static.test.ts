import type { SettingValue } from '@remora/shared/settings.ts';
import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { checkPlan, type PlanCase } from '../connect/runner.ts';
import { standing } from '../connect/standing.ts';
import { isConnected } from '../connect/truth.ts';
import { allRoles, changed, nodeOf, type World, world } from '../connect/world.ts';

/** Connections whose alias stands in elasticsearch.yml of local nodes. */

const all = { staticNodes: 'all' } as const;
const one = { staticNodes: ['eu-2'] };
const seeds = ['10.0.1.1:9443', '10.0.1.2:9443', '10.0.1.3:9443'];
const inFile = { 'cluster.remote.us.mode': 'sniff', 'cluster.remote.us.seeds': seeds };

/** What elasticsearch.yml of a node says of the alias. */
const linesOf = (made: World, node: string): Record<string, SettingValue | null> =>
  Object.fromEntries(
    Object.entries(nodeOf(made.local, node).yml.values).filter(([name]) => name.startsWith('cluster.remote.')),
  );

const aliasIn = (made: World): string[] => Object.keys(made.local.persistent);

/** The plan is carried out, the connection works then, and nothing is left to do. */
const done = (made: World, wish: Parameters<typeof request>[0]): World => {
  const then = applySteps(made, planIn(made, request(wish)).steps);
  expect(isConnected(then, 'us')).toBe(true);
  expect(lines(planIn(then, request(wish)))).toEqual([]);
  return then;
};

const remote = [
  ...['prepare connection.record coordinator none', 'prepare ca.create coordinator none'],
  'api-key api-key.create us api',
  ...['us-2', 'us-3', 'us-1'].map((node) => `certificates certificate.issue ${node} none`),
  ...['us-2', 'us-3', 'us-1'].map((node) => `remote-roll node.change ${node} restart`),
  ...['us-2', 'us-3', 'us-1'].map((node) => `remote-verify remote-server.verify ${node} none`),
];
const record = 'prepare connection.record coordinator none';
const roll = (...nodes: string[]): string[] => nodes.map((node) => `local-roll node.change ${node} restart`);
const off = (...nodes: string[]): string[] => nodes.map((node) => `lines-off node.change ${node} restart`);
const prove = 'connect connection.prove eu none';
const put = 'connect cluster-settings.put eu api';

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

describe('a connection that is brought from the settings of the cluster to files', () => {
  test('stays open: the lines come first, then what wins over them goes', () => {
    const before = connected(world({ local: 3 }));
    const plan = planIn(before, request(all));
    expect(lines(plan)).toEqual([record, ...roll('eu-2', 'eu-3', 'eu-1'), put, prove]);
    expect(stepOf(plan, 'cluster-settings.put')).toMatchObject({
      id: 'unregister-alias',
      reason:
        'the connection is registered in elasticsearch.yml of nodes, which comes second to the settings of the cluster; it stays open',
      input: { persistent: { 'cluster.remote.us.mode': null, 'cluster.remote.us.seeds': null } },
    });
    expect(plan.warnings).toEqual([]);
    expect(aliasIn(done(before, all))).toEqual([]);
  });

  test('with other values says that it is closed and opened again', () => {
    const plan = planIn(connected(world({ local: 3 })), request({ ...all, seeds: ['10.0.1.2:9443'] }));
    expect(stepOf(plan, 'cluster-settings.put').reason).toContain('a change of seeds closes it and opens it again');
    expect(plan.warnings).toEqual([expect.stringMatching(/^The change of seeds closes the connections of us/)]);
  });

  test('on some nodes alone: the others, which the plan names, lose the credential too', () => {
    const before = connected(world({ local: 3 }));
    const plan = planIn(before, request(one));
    expect(lines(plan)).toEqual([
      ...[record, ...roll('eu-2'), put, prove],
      ...['left node.change eu-3 reload', 'left node.change eu-1 reload'],
      ...['left-reload secure-settings.reload eu-3 reload', 'left-reload secure-settings.reload eu-1 reload'],
    ]);
    expect(plan.warnings).toEqual([
      'The alias us goes from eu-1, eu-3 (cluster eu), in whose elasticsearch.yml it is not to stand: a search that names it there fails with 404.',
    ]);
    const made = done(before, one);
    expect(nodeOf(made.local, 'eu-3').running.credentials).toEqual({});
  });

  test('cut off anywhere goes on to the same end', () => {
    const before = connected(world({ local: 3 }));
    const { steps } = planIn(before, request(one));
    for (let count = 0; count <= steps.length; count++) {
      const made = done(applySteps(before, steps.slice(0, count)), one);
      expect([aliasIn(made), linesOf(made, 'eu-1'), linesOf(made, 'eu-2')]).toEqual([[], {}, inFile]);
    }
  });
});

describe('a connection that is brought from files to the settings of the cluster', () => {
  test('stays open: it is registered and proven first, then the lines go', () => {
    const before = connected(world({ local: 3 }), all);
    const plan = planIn(before, request());
    expect(lines(plan)).toEqual([
      ...[record, put, prove, ...off('eu-2', 'eu-3', 'eu-1'), 'lines-proof connection.prove eu none'],
    ]);
    expect(stepOf(plan, 'cluster-settings.put').reason).toBe(
      'the connection is registered in elasticsearch.yml of nodes, and shall be for the whole cluster; it stays open',
    );
    expect(plan).toMatchObject({ restarts: ['eu-2', 'eu-3', 'eu-1'], warnings: [] });
    const made = done(before, {});
    expect(linesOf(made, 'eu-2')).toEqual({});
  });

  test('gives the nodes that had it not what they need for it', () => {
    const before = connected(world({ local: 2 }), one);
    const plan = planIn(before, request());
    expect(lines(plan)).toEqual([
      ...[record, ...roll('eu-1'), put, prove, ...off('eu-2'), 'lines-proof connection.prove eu none'],
    ]);
    done(before, {});
  });

  test('cut off anywhere goes on to the same end, and the connection works after every step', () => {
    const before = connected(world({ local: 3 }), all);
    const { steps } = planIn(before, request());
    for (let count = 0; count <= steps.length; count++) {
      const cut = applySteps(before, steps.slice(0, count));
      expect(isConnected(cut, 'us')).toBe(true);
      const made = done(cut, {});
      expect([linesOf(made, 'eu-1'), linesOf(made, 'eu-2')]).toEqual([{}, {}]);
    }
  });

  test('with --limit is left as it is: nothing takes lines off before the alias is registered', () => {
    const plan = planIn(connected(world({ local: 3 }), all), request({ nodes: ['eu-2'] }));
    expect(lines(plan)).toEqual([]);
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
