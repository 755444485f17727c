import { describe, expect, test } from 'vitest';
import { connected, stepOf } from './plans.ts';
import { checkPlan, type PlanCase } from './runner.ts';
import { every, localFiles, prove, put, reissue, reloads, standing } from './standing.ts';
import { nodeOf, shard, world } from './world.ts';

/** Connects on top of what stands already: only what differs is done, by the weakest effect that brings it about. */

const DAY_MS = 86_400_000;
const SERVER = 'remora-remote-cluster-server.p12';
const BUNDLE = 'remora-remote-cluster-cas.crt';
const CREDENTIALS = 'cluster.remote.us.credentials';

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
    name: 'elasticsearch.yml of a node has settings of the alias too: it is said which win',
    world: standing((it) => {
      const { yml } = nodeOf(it.local, 'eu-2');
      Object.assign(yml.values, { 'cluster.remote.us.seeds': ['h:9300'], 'cluster.remote.us.skip_unavailable': false });
    }),
    steps: [],
    warnings: [
      /^elasticsearch.yml of node eu-2 \(cluster eu\) has settings of us too: of seeds those of the cluster's settings win; skip_unavailable is in force on that node alone\. /,
    ],
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
    warnings: [/^The change of seeds closes the connections of us on every node of cluster eu and opens others/],
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
      expect(stepOf(plan, 'connection.record').input.connection).toMatchObject({
        keySecret: 'secret:connection/eu/us/api-key@10',
      }),
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
    steps: ['prepare connection.record coordinator none', 'local-roll node.change eu-4 restart', prove],
    restarts: ['eu-4'],
    also: (plan) => expect(stepOf(plan, 'connection.record').reason).toMatch(/noted before it is changed/),
  },
  {
    name: 'a CA file was emptied: placed again, no restart',
    world: standing((it) => {
      nodeOf(it.local, 'eu-3').files[BUNDLE] = { source: null, certificates: [] };
    }),
    steps: [...localFiles('file', ['eu-3']), prove],
  },
];

describe('a connect with the same values', () => {
  test.each(sameAgain)('$name', checkPlan);
});
