import type { ConnectRequest } from '@remora/shared/model/connect-request.ts';
import { describe, expect, test } from 'vitest';
import { request } from './facts.ts';
import { connected, planIn, stepOf } from './plans.ts';
import { checkPlan, type PlanCase } from './runner.ts';
import { nodeOf, shard, type World, world } from './world.ts';

/** Connects on top of what stands already: only what differs is done, by the weakest effect that brings it about. */

const DAY_MS = 86_400_000;
const SERVER = 'remora-remote-cluster-server.p12';
const BUNDLE = 'remora-remote-cluster-cas.crt';
const CREDENTIALS = 'cluster.remote.us.credentials';

/** A connection that was made with `first`, and what happened to it since. */
const standing =
  (change: (world: World) => void = () => {}, first: Partial<ConnectRequest> = {}, sizes = { local: 3 }) =>
  () => {
    const made = connected(world(sizes), first);
    change(made);
    return made;
  };

const every = (made: World, side: 'local' | 'remote') => made[side].nodes;
const prove = 'connect connection.prove eu none';
const put = 'connect cluster-settings.put eu api';
const localFiles = (effect: string, nodes = ['eu-2', 'eu-3', 'eu-1']): string[] =>
  nodes.map((node) => `local-files node.change ${node} ${effect}`);
const reloads = (nodes = ['eu-2', 'eu-3', 'eu-1']): string[] =>
  nodes.map((node) => `reload secure-settings.reload ${node} reload`);
const reissue = (nodes = ['us-2', 'us-3', 'us-1']): string[] => [
  ...nodes.map((node) => `certificates certificate.issue ${node} none`),
  ...nodes.map((node) => `remote-files node.change ${node} file`),
  ...nodes.map((node) => `remote-verify remote-server.verify ${node} none`),
];

const sameAgain: PlanCase[] = [
  { name: 'all is in place and proven', world: standing(), steps: [] },
  {
    name: 'the file was touched, but says what the process has',
    world: standing((it) => {
      for (const node of every(it, 'remote')) node.yml.modifiedAtMs = it.nowMs;
      for (const node of every(it, 'local')) node.yml.modifiedAtMs = it.nowMs;
    }),
    steps: [],
  },
  {
    name: 'health and snapshots do not count when nothing has to be done',
    world: standing((it) => {
      it.remote.health = 'yellow';
      it.remote.shards = [...shard('a', 'us-1'), ...shard('b', 'us-2', null)];
    }),
    steps: [],
  },
  {
    name: 'a placeholder among the CAs, whose file is listed as what it became',
    world: () => {
      const made = world({ local: 3 });
      const name = 'xpack.security.remote_cluster_client.ssl.certificate_authorities';
      for (const node of every(made, 'local')) node.yml.values[name] = [`\${ES_PATH_CONF}/other.crt`];
      return connected(made);
    },
    steps: [],
  },
  {
    name: 'a remote node that publishes NAME/ADDRESS, whose certificate covers both',
    world: () => {
      const made = world({ local: 3 });
      for (const node of every(made, 'remote')) node.yml.values['network.publish_host'] = node.host.hostname;
      return connected(made);
    },
    steps: [],
  },
  {
    name: 'a p12 file is missing: placed again, no restart',
    world: standing((it) => delete nodeOf(it.remote, 'us-2').files[SERVER]),
    steps: ['remote-files node.change us-2 file', 'remote-verify remote-server.verify us-2 none', prove],
  },
  {
    name: 'a setting was written but its node died before the restart: restarted',
    world: standing((it) => {
      const node = nodeOf(it.remote, 'us-2');
      node.running.settings = { 'node.name': 'us-2' };
      node.running.certificatePaths = [];
    }),
    steps: ['remote-roll node.change us-2 restart', 'remote-verify remote-server.verify us-2 none', prove],
    restarts: ['us-2'],
    also: (plan) => {
      const step = stepOf(plan, 'node.change', 'us-2');
      expect(step.reason).toContain('the running process has not loaded remote_cluster_server.enabled');
      expect(step.input.operations.map(({ name }) => name)).toEqual(['service']);
    },
  },
  {
    name: 'a port was written by hand and not loaded: restarted, and registered as a seed',
    world: standing((it) => {
      Object.assign(nodeOf(it.remote, 'us-2').yml, {
        values: { ...nodeOf(it.remote, 'us-2').yml.values, 'remote_cluster.port': 19_443 },
        modifiedAtMs: it.nowMs,
      });
    }),
    steps: ['remote-roll node.change us-2 restart', 'remote-verify remote-server.verify us-2 none', put, prove],
    restarts: ['us-2'],
  },
  {
    name: 'certificates are about to end: new ones by file, no restart',
    world: standing((it) => {
      it.nowMs += 250 * DAY_MS;
    }),
    steps: [...reissue(), prove],
  },
  {
    name: 'certificates with more than a third of their life left stay',
    world: standing((it) => {
      it.nowMs += 240 * DAY_MS;
    }),
    steps: [],
  },
  {
    name: 'certificates shall live for another time: new ones by file, no restart',
    world: standing(),
    wish: { certValidity: '90d' },
    steps: [...reissue(), prove],
    also: (plan) => expect(stepOf(plan, 'certificate.issue').input.validityMs).toBe(90 * DAY_MS),
  },
  {
    name: 'certificates that live for another time than usual keep it, when they end too',
    world: standing(
      (it) => {
        it.nowMs += 2 * 3_600_000;
      },
      { certValidity: '3h' },
    ),
    steps: [...reissue(), prove],
    also: (plan) => expect(stepOf(plan, 'certificate.issue').input.validityMs).toBe(3 * 3_600_000),
  },
  {
    name: 'the password entry of a p12 is of somebody else: written again, which needs a restart',
    world: standing((it) => {
      const name = 'xpack.security.remote_cluster_server.ssl.keystore.secure_password';
      nodeOf(it.remote, 'us-3').keystore.entries[name] = { reference: null, writtenAtMs: null };
    }),
    steps: ['remote-roll node.change us-3 restart', 'remote-verify remote-server.verify us-3 none', prove],
    restarts: ['us-3'],
  },
  {
    name: 'a credential was overwritten by somebody: written again and reloaded',
    world: standing((it) => {
      nodeOf(it.local, 'eu-2').keystore.entries[CREDENTIALS] = { reference: null, writtenAtMs: null };
    }),
    steps: [...localFiles('reload', ['eu-2']), ...reloads(['eu-2']), prove],
  },
  {
    name: 'the key is invalidated or expired: new key, keystores and reload, no restart',
    world: standing((it) => {
      for (const key of it.keys) key.usable = false;
    }),
    steps: [
      'prepare connection.record coordinator none',
      'api-key api-key.create us api',
      ...localFiles('reload'),
      ...reloads(),
      prove,
    ],
    also: (plan) => expect(stepOf(plan, 'api-key.create').input.secret).toBe('secret:connection/eu/us/api-key@2'),
  },
  {
    name: 'a key whose secret was lost in a crash keeps its record: the next has a version of its own',
    world: standing((it) => {
      for (const key of it.keys) key.usable = false;
      const [key] = it.keys;
      if (key) it.keys.push({ usable: false, record: { ...key.record, secret: 'secret:connection/eu/us/api-key@2' } });
    }),
    steps: [
      'prepare connection.record coordinator none',
      'api-key api-key.create us api',
      ...localFiles('reload'),
      ...reloads(),
      prove,
    ],
    also: (plan) => expect(stepOf(plan, 'api-key.create').input.secret).toBe('secret:connection/eu/us/api-key@3'),
  },
  {
    name: 'a newer usable key that an interrupted run left is taken, the tenth after the ninth',
    world: standing((it) => {
      const [key] = it.keys;
      const leave = (version: number): void => {
        if (key)
          it.keys.unshift({
            ...key,
            record: { ...key.record, secret: `secret:connection/eu/us/api-key@${version}` },
          });
      };
      leave(9);
      leave(10);
      it.secretVersions['connection/eu/us/api-key'] = 10;
    }),
    steps: ['prepare connection.record coordinator none', ...localFiles('reload'), ...reloads(), prove],
    also: (plan) =>
      expect(stepOf(plan, 'connection.record').input.connection.keySecret).toBe('secret:connection/eu/us/api-key@10'),
  },
  {
    name: 'the keystore was written and not reloaded, and the alias is gone: reloaded before it is registered',
    world: standing((it) => {
      const node = nodeOf(it.local, 'eu-1');
      node.running.credentials = {};
      const entry = node.keystore.entries[CREDENTIALS];
      if (entry) entry.writtenAtMs = it.nowMs;
      it.local.persistent = {};
    }),
    steps: [...reloads(['eu-1']), put, prove],
  },
  {
    name: 'all is in place and it does not work: a reload is what is left to try',
    world: standing((it) => {
      nodeOf(it.local, 'eu-1').running.credentials = {};
    }),
    steps: [...reloads(), prove],
  },
  {
    name: 'the alias was removed: registered again',
    world: standing((it) => {
      it.local.persistent = {};
    }),
    steps: [put, prove],
  },
  {
    name: 'a local node came that has nothing yet: only that one restarts',
    world: standing((it) => {
      const [fresh] = world({ local: 4 }).local.nodes.slice(3);
      if (fresh) it.local.nodes.push(fresh);
    }),
    steps: ['local-roll node.change eu-4 restart', prove],
    restarts: ['eu-4'],
  },
  {
    name: 'a CA file was emptied: placed again, no restart',
    world: standing((it) => {
      nodeOf(it.local, 'eu-3').files[BUNDLE] = { source: null, certificates: [] };
    }),
    steps: [...localFiles('file', ['eu-3']), prove],
  },
];

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

describe('a connect with the same values', () => {
  test.each(sameAgain)('$name', checkPlan);
});

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
