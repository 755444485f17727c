import { describe, expect, test } from 'vitest';
import { request } from './facts.ts';
import { planIn, stepOf } from './plans.ts';
import { checkPlan, type PlanCase } from './runner.ts';
import { localFiles, prove, put, reissue, reloads, standing } from './standing.ts';
import { type World, world } from './world.ts';

/** Connects on top of what stands already: only what differs is done, by the weakest effect that brings it about. */

const otherValues: PlanCase[] = [
  {
    name: 'a new SAN: certificates by file, no restart',
    world: standing(),
    wish: { sans: ['*.us.example.com'] },
    steps: [...reissue(), prove],
  },
  {
    name: 'other access: the key is changed in place',
    world: standing(),
    wish: { search: ['logs-*', 'metrics-*'] },
    steps: ['prepare connection.record coordinator none', 'api-key api-key.update us api', prove],
    also: (plan) =>
      expect(stepOf(plan, 'api-key.update').input.access).toEqual({ search: [{ names: ['logs-*', 'metrics-*'] }] }),
  },
  {
    name: 'sniff to proxy: the settings of the other mode go in the same request',
    world: standing(() => {}, { set: { node_connections: '5' } }),
    wish: { mode: 'proxy', proxyAddress: 'proxy.example.com:443', skipUnavailable: true },
    steps: ['prepare connection.record coordinator none', ...reissue(), put, prove],
    also: (plan) =>
      expect(stepOf(plan, 'cluster-settings.put').input.persistent).toEqual({
        'cluster.remote.us.mode': 'proxy',
        'cluster.remote.us.proxy_address': 'proxy.example.com:443',
        'cluster.remote.us.skip_unavailable': 'true',
        'cluster.remote.us.seeds': null,
        'cluster.remote.us.node_connections': null,
      }),
  },
  {
    name: 'another skip_unavailable alone',
    world: standing(() => {}, { skipUnavailable: true }),
    wish: { skipUnavailable: false },
    steps: [put, prove],
    also: (plan) =>
      expect(stepOf(plan, 'cluster-settings.put').diff).toBe(
        '- cluster.remote.us.skip_unavailable: true\n+ cluster.remote.us.skip_unavailable: false',
      ),
  },
  {
    name: 'another alias to the same remote: trust is there, so nothing restarts',
    world: standing(),
    wish: { alias: 'second' },
    steps: [
      'prepare connection.record coordinator none',
      'api-key api-key.create us api',
      ...localFiles('reload'),
      ...reloads(),
      put,
      prove,
    ],
  },
];

const turned = (made: World): World => {
  const ap = world({ remote: 1 }).remote;
  for (const node of ap.nodes) node.name = node.name.replace('us', 'ap');
  return { ...made, remote: { ...ap, name: 'ap' }, certificates: [], keys: [] };
};

describe('a connect with other values', () => {
  test.each(otherValues)('$name', checkPlan);
});

describe('two remotes of one local cluster', () => {
  const wish = { remote: 'ap', alias: 'ap' };
  const steps = [
    'prepare connection.record coordinator none',
    'prepare ca.create coordinator none',
    'certificates certificate.issue ap-1 none',
    'remote-roll node.change ap-1 restart',
    'remote-verify remote-server.verify ap-1 none',
    'api-key api-key.create ap api',
    ...localFiles('reload'),
    ...reloads(),
    put,
    prove,
  ];
  const bundle = (made: World) => {
    const [files] = stepOf(planIn(made, request(wish)), 'node.change', 'eu-1').input.operations;
    return files?.name === 'files' ? files.input.write[0]?.content : undefined;
  };

  test('share the CA file, so the second needs no restart of the local nodes', () => {
    const made = (): World => turned(standing()());
    checkPlan({ name: '', world: made, wish, steps, restarts: ['ap-1'], outages: [/^Cluster ap has one node/] });
    expect(bundle(made())).toEqual({
      $secret: ['secret:ca/ap-remote/certificate@1', 'secret:ca/us-remote/certificate@1'],
    });
  });

  test('do not wait for each other: a first one that never got its CA is left out of the file', () => {
    const made = turned(standing()());
    made.cas = [];
    expect(bundle(made)).toEqual({ $secret: ['secret:ca/ap-remote/certificate@1'] });
  });
});
