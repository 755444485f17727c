import { describe, expect, test } from 'vitest';
import { applySteps } from './apply.ts';
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
    name: 'other access for a key of another user: another key, and the old one goes once no node needs it',
    world: standing((it) => {
      for (const key of it.keys) key.otherOwner = 'ann';
    }),
    wish: { search: ['logs-*', 'metrics-*'] },
    steps: [
      'prepare connection.record coordinator none',
      'api-key api-key.create us api',
      ...localFiles('reload'),
      ...reloads(),
      prove,
      'retire api-key.verify eu none',
      'retire api-key.invalidate us api',
      'retire connection.prove eu none',
    ],
    also: (plan) => {
      expect(stepOf(plan, 'api-key.create').reason).toContain('belongs to user ann, who alone may change it');
      expect(stepOf(plan, 'api-key.create').input.secret).toBe('secret:connection/eu/us/api-key@2');
      expect(stepOf(plan, 'api-key.invalidate').input).toMatchObject({
        id: 'id-of-secret:connection/eu/us/api-key@1',
        locals: ['eu'],
      });
    },
  },
  {
    name: 'a key of another user that grants what is wanted is left as it is',
    world: standing((it) => {
      for (const key of it.keys) key.otherOwner = 'ann';
    }),
    steps: [],
  },
  {
    name: 'a key of another user that an interrupted run left behind the new one goes',
    world: standing((it) => {
      const [key] = it.keys;
      if (key)
        it.keys.unshift({
          ...{ usable: true, otherOwner: 'ann' },
          record: { ...key.record, id: 'old', secret: 'secret:connection/eu/us/api-key@1' },
        });
      if (key) key.record = { ...key.record, secret: 'secret:connection/eu/us/api-key@2' };
      it.secretVersions['connection/eu/us/api-key'] = 2;
    }),
    steps: [
      'prepare connection.record coordinator none',
      ...localFiles('reload'),
      ...reloads(),
      prove,
      'retire api-key.verify eu none',
      'retire api-key.invalidate us api',
      'retire connection.prove eu none',
    ],
    also: (plan) => expect(stepOf(plan, 'api-key.invalidate').input.id).toBe('old'),
  },
  {
    name: 'sniff to proxy: the settings of the other mode go in the same request',
    world: standing(() => {}, { set: { node_connections: '5' } }),
    wish: { mode: 'proxy', proxyAddress: 'proxy.example.com:443', skipUnavailable: true },
    steps: ['prepare connection.record coordinator none', ...reissue(), put, prove],
    warnings: [
      /^The change of mode, proxy_address, seeds, node_connections closes the connections of us on every node of cluster eu/,
    ],
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
    name: 'proxy to sniff: the address, server name and sockets of the proxy go in the same request',
    world: standing(() => {}, {
      ...{ mode: 'proxy', proxyAddress: 'proxy.example.com:443', serverName: 'us.example.com' },
      set: { proxy_socket_connections: '9', 'transport.compress': 'true' },
    }),
    wish: { set: { 'transport.compress': 'true' } },
    steps: ['prepare connection.record coordinator none', put, prove],
    warnings: [/^The change of mode, seeds, proxy_address, server_name, proxy_socket_connections closes/],
    also: (plan) =>
      expect(stepOf(plan, 'cluster-settings.put').input.persistent).toMatchObject({
        'cluster.remote.us.mode': 'sniff',
        'cluster.remote.us.proxy_address': null,
        'cluster.remote.us.server_name': null,
        'cluster.remote.us.proxy_socket_connections': null,
      }),
  },
  {
    name: 'compression and pings: the plan says that connections are closed',
    world: standing(),
    wish: { set: { 'transport.compress': 'true', 'transport.ping_schedule': '60s' } },
    steps: ['prepare connection.record coordinator none', put, prove],
    warnings: [
      /^The change of transport.compress, transport.ping_schedule closes .* searches that are under way over them may fail/,
    ],
    also: (plan) =>
      expect(stepOf(plan, 'cluster-settings.put').reason).toBe(
        'the connection is registered with other settings; a change of transport.compress, transport.ping_schedule closes it and opens it again',
      ),
  },
  {
    name: 'seeds in another order, and the number of connections that is the default: all stays open',
    world: standing(() => {}, { seeds: ['10.0.1.1:9443', '10.0.1.2:9443'] }),
    wish: { seeds: ['10.0.1.2:9443', '10.0.1.1:9443'], set: { node_connections: '3' } },
    steps: ['prepare connection.record coordinator none', put, prove],
    also: (plan) =>
      expect(stepOf(plan, 'cluster-settings.put').reason).toBe(
        'the connection is registered with other settings; it stays open',
      ),
  },
  {
    name: 'another skip_unavailable alone',
    world: standing(() => {}, { skipUnavailable: true }),
    wish: { skipUnavailable: false },
    steps: [put, prove],
    // No warning: this alone closes nothing.
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

test('a key of another user: what replaced it works without it, and there is nothing to do then', () => {
  const made = standing((it) => {
    for (const key of it.keys) key.otherOwner = 'ann';
  })();
  const wish = request({ search: ['metrics-*'] });
  const after = applySteps(made, planIn(made, wish).steps);
  expect(after.keys.map(({ usable }) => usable)).toEqual([false, true]);
  expect(planIn(after, wish).steps).toEqual([]);
});

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
    'api-key api-key.create ap api',
    'certificates certificate.issue ap-1 none',
    'remote-roll node.change ap-1 restart',
    'remote-verify remote-server.verify ap-1 none',
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
