import { describe, expect, test } from 'vitest';
import { request } from './facts.ts';
import { planIn, stepOf } from './plans.ts';
import { checkPlan, type PlanCase } from './runner.ts';
import { allRoles, changed, nodeOf, shard, world } from './world.ts';

/** First connects: nothing is there yet. */

const certificates = (...nodes: string[]): string[] =>
  nodes.map((node) => `certificates certificate.issue ${node} none`);
const remoteRoll = (...nodes: string[]): string[] => nodes.map((node) => `remote-roll node.change ${node} restart`);
const verifies = (...nodes: string[]): string[] =>
  nodes.map((node) => `remote-verify remote-server.verify ${node} none`);
const localRoll = (...nodes: string[]): string[] => nodes.map((node) => `local-roll node.change ${node} restart`);
const prepare = ['prepare connection.record coordinator none', 'prepare ca.create coordinator none'];
const key = ['api-key api-key.create us api'];
const register = ['connect cluster-settings.put eu api', 'connect connection.prove eu none'];

/** All steps of a first connect, in this order of nodes. */
const everything = (remote: string[], local: string[]): string[] => [
  ...prepare,
  ...key,
  ...certificates(...remote),
  ...remoteRoll(...remote),
  ...verifies(...remote),
  ...localRoll(...local),
  ...register,
];

const eu1 = /^Cluster eu has one node: it is unavailable while eu-1 restarts\.$/;
const threeToOne = {
  steps: everything(['us-2', 'us-3', 'us-1'], ['eu-1']),
  restarts: ['us-2', 'us-3', 'us-1', 'eu-1'],
};

const aliasSettings = (plan: Parameters<NonNullable<PlanCase['also']>>[0]) =>
  stepOf(plan, 'cluster-settings.put').input.persistent;

const cases: PlanCase[] = [
  {
    name: '3 remote nodes and 1 local one, sniff: one restart a node, the outage of the single node is stated',
    world: () => world(),
    ...threeToOne,
    outages: [eu1],
    also: (plan) =>
      expect(aliasSettings(plan)).toEqual({
        'cluster.remote.us.mode': 'sniff',
        'cluster.remote.us.seeds': ['10.0.1.1:9443', '10.0.1.2:9443', '10.0.1.3:9443'],
      }),
  },
  {
    name: '3 and 3: no outage, the elected masters last',
    world: () => world({ local: 3 }),
    steps: everything(['us-2', 'us-3', 'us-1'], ['eu-2', 'eu-3', 'eu-1']),
    restarts: ['us-2', 'us-3', 'us-1', 'eu-2', 'eu-3', 'eu-1'],
  },
  {
    name: 'proxy mode registers the address and the server name',
    world: () => world(),
    wish: { mode: 'proxy', proxyAddress: 'proxy.example.com:443', serverName: 'us.example.com' },
    ...threeToOne,
    outages: [eu1],
    also: (plan) => {
      expect(aliasSettings(plan)).toEqual({
        'cluster.remote.us.mode': 'proxy',
        'cluster.remote.us.proxy_address': 'proxy.example.com:443',
        'cluster.remote.us.server_name': 'us.example.com',
      });
      const { dns, required } = stepOf(plan, 'certificate.issue', 'us-1').input;
      expect(dns).toEqual(['proxy.example.com', 'us-1', 'us-1.example.com', 'us.example.com']);
      expect(required).toEqual(['10.0.1.1', 'proxy.example.com', 'us-1', 'us.example.com']);
    },
  },
  {
    name: 'nodes that cannot be master go first, then masters, then the elected one',
    world: () => world({ remote: [['master'], ['master'], ['data'], ['master'], ['data_hot']] }),
    steps: everything(['us-3', 'us-5', 'us-2', 'us-4', 'us-1'], ['eu-1']),
    restarts: ['us-3', 'us-5', 'us-2', 'us-4', 'us-1', 'eu-1'],
    outages: [eu1],
    also: (plan) =>
      expect(aliasSettings(plan)['cluster.remote.us.seeds']).toEqual([
        '10.0.1.3:9443',
        '10.0.1.5:9443',
        '10.0.1.1:9443',
        '10.0.1.2:9443',
        '10.0.1.4:9443',
      ]),
  },
  {
    name: 'a local node without remote_cluster_client is left alone, and needs no agent',
    world: changed(
      (made) => {
        nodeOf(made.local, 'eu-3').agent = 'missing';
      },
      () => world({ local: [allRoles, allRoles, ['master', 'data']] }),
    ),
    steps: everything(['us-2', 'us-3', 'us-1'], ['eu-2', 'eu-1']),
    restarts: ['us-2', 'us-3', 'us-1', 'eu-2', 'eu-1'],
  },
  {
    name: 'a remote node serves connections whatever its roles',
    world: () => world({ remote: [['master', 'data']] }),
    steps: everything(['us-1'], ['eu-1']),
    restarts: ['us-1', 'eu-1'],
    outages: [/^Cluster us has one node/, eu1],
  },
  {
    name: 'remote_cluster.port and remote_cluster.host of the file are kept and used',
    world: changed((made) => {
      Object.assign(nodeOf(made.remote, 'us-2').yml.values, {
        'remote_cluster.port': 19_443,
        'remote_cluster.host': ['us-2.internal', '_local_'],
      });
    }),
    wish: { remotePort: 9555 },
    ...threeToOne,
    outages: [eu1],
    also: (plan) => {
      expect(aliasSettings(plan)['cluster.remote.us.seeds']).toEqual([
        '10.0.1.1:9555',
        'us-2.internal:19443',
        '10.0.1.3:9555',
      ]);
      const written = (node: string) =>
        stepOf(plan, 'node.change', node).input.operations.flatMap((call) =>
          call.name === 'settings' ? Object.keys(call.input.set) : [],
        );
      expect(written('us-1')).toContain('remote_cluster.port');
      expect(written('us-2').filter((name) => name.startsWith('remote_cluster.'))).toEqual([]);
    },
  },
  {
    name: 'a publish host of the transport is written for the remote cluster server too, which does not follow it',
    world: changed((made) => {
      nodeOf(made.remote, 'us-1').yml.values['network.publish_host'] = 'us-1.public.example.com';
    }),
    ...threeToOne,
    outages: [eu1],
    also: (plan) => {
      expect(stepOf(plan, 'node.change', 'us-1').diff).toContain(
        '+   remote_cluster.publish_host: us-1.public.example.com',
      );
      expect(aliasSettings(plan)['cluster.remote.us.seeds']).toContain('us-1.public.example.com:9443');
      expect(stepOf(plan, 'certificate.issue', 'us-1').input.required).toContain('us-1.public.example.com');
    },
  },
  {
    name: 'hosts that name an interface, a wildcard or a placeholder tell no address: the one of the transport is taken',
    world: changed((made) => {
      nodeOf(made.remote, 'us-1').yml.values['remote_cluster.host'] = '_eth0:ipv4_';
      nodeOf(made.remote, 'us-2').yml.values['remote_cluster.host'] = '0.0.0.0';
      nodeOf(made.remote, 'us-3').yml.values['remote_cluster.publish_host'] = `\${HOSTNAME}`;
    }),
    ...threeToOne,
    outages: [eu1],
    also: (plan) =>
      expect(aliasSettings(plan)['cluster.remote.us.seeds']).toEqual([
        '10.0.1.1:9443',
        '10.0.1.2:9443',
        '10.0.1.3:9443',
      ]),
  },
  {
    name: 'IPv6 addresses stand in brackets in seeds and without in certificates',
    world: changed(
      (made) => {
        nodeOf(made.remote, 'us-1').transportHost = '2001:db8::1';
      },
      () => world({ remote: 1 }),
    ),
    steps: everything(['us-1'], ['eu-1']),
    restarts: ['us-1', 'eu-1'],
    outages: [/^Cluster us has one node/, eu1],
    also: (plan) => {
      expect(aliasSettings(plan)['cluster.remote.us.seeds']).toEqual(['[2001:db8::1]:9443']);
      expect(stepOf(plan, 'certificate.issue', 'us-1').input.ip).toContain('2001:db8::1');
    },
  },
  {
    name: 'node names that no secret, host or certificate may carry are made fit, each to another',
    world: changed(
      (made) => {
        for (const [i, node] of made.remote.nodes.entries()) node.name = ['nöde(1)', 'n-de-1-'][i] ?? node.name;
      },
      () => world({ remote: 2 }),
    ),
    steps: everything(['n-de-1-', 'nöde(1)'], ['eu-1']),
    restarts: ['n-de-1-', 'nöde(1)', 'eu-1'],
    outages: [/^Cluster us has two master-eligible nodes/, eu1],
    also: (plan) => {
      const secrets = ['n-de-1-', 'nöde(1)'].map((node) => stepOf(plan, 'certificate.issue', node).input.p12Secret);
      expect(secrets).toEqual([
        'secret:node/us/n-de-1-/remote-cluster-server/p12@1',
        'secret:node/us/n/f6/de/28/1/29//remote-cluster-server/p12@1',
      ]);
      expect(stepOf(plan, 'certificate.issue', 'nöde(1)').input.dns).toEqual(['us-1.example.com']);
    },
  },
  {
    name: 'certificate_authorities of somebody else stay, ours is added behind them',
    world: changed((made) => {
      const name = 'xpack.security.remote_cluster_client.ssl.certificate_authorities';
      nodeOf(made.local, 'eu-1').yml.values[name] = 'a.crt, b.crt';
    }),
    ...threeToOne,
    outages: [eu1],
    also: (plan) =>
      expect(stepOf(plan, 'node.change', 'eu-1').diff).toContain('["a.crt", "b.crt", "remora-remote-cluster-cas.crt"]'),
  },
  {
    name: 'skip_unavailable and further settings are registered',
    world: () => world(),
    wish: { skipUnavailable: false, set: { 'transport.compress': 'indexing_data' } },
    ...threeToOne,
    outages: [eu1],
    also: (plan) =>
      expect(aliasSettings(plan)).toMatchObject({
        'cluster.remote.us.skip_unavailable': 'false',
        'cluster.remote.us.transport.compress': 'indexing_data',
      }),
  },
  {
    name: 'seeds that were given are taken as they are, and stand in the certificates',
    world: () => world(),
    wish: { seeds: ['b.example.com:9443', 'a.example.com:9443'] },
    ...threeToOne,
    outages: [eu1],
    also: (plan) => {
      expect(aliasSettings(plan)['cluster.remote.us.seeds']).toEqual(['b.example.com:9443', 'a.example.com:9443']);
      expect(stepOf(plan, 'certificate.issue', 'us-3').input.required).toContain('a.example.com');
    },
  },
  {
    name: 'the key gets access, end and metadata',
    world: () => world(),
    wish: { replication: ['archive-*'], search: ['logs-*'], expires: '90d', metadata: { team: 'search' } },
    ...threeToOne,
    outages: [eu1],
    also: (plan) =>
      expect(stepOf(plan, 'api-key.create').input).toMatchObject({
        access: { search: [{ names: ['logs-*'] }], replication: [{ names: ['archive-*'] }] },
        expiration: '90d',
        metadata: { team: 'search', managed_by: 'remora' },
        secret: 'secret:connection/eu/us/api-key@1',
      }),
  },
  {
    name: 'patterns that look as if they covered system indices are warned of, unless the access says that they do',
    world: () => world(),
    wish: {
      access: {
        search: [
          { names: ['.kibana*', 'logs-*'] },
          { names: ['.tasks'], allow_restricted_indices: true },
          { names: ['*'] },
        ],
      },
    },
    ...threeToOne,
    outages: [eu1],
    warnings: [/^\.kibana\*, \*: the key grants no system indices by that, which takes allow_restricted_indices/],
  },
  {
    name: 'indices without replicas are listed',
    world: changed((made) => {
      made.remote.shards = ['a', 'b', 'c', 'd', 'e', 'f'].flatMap((index) => shard(index, 'us-1'));
    }),
    ...threeToOne,
    outages: [eu1],
    warnings: [/^Indices of cluster us without a replica .*: a, b, c, d, e and 1 more\.$/],
  },
  {
    name: 'a shard whose replica may be allocated nowhere: its outage is stated, and waited for on no node but that',
    world: changed((made) => {
      made.remote.health = 'yellow';
      made.remote.shards = [...shard('hot', 'us-1', 'us-2'), ...shard('warm', 'us-3', null)];
    }),
    ...threeToOne,
    outages: [
      /^Node us-3 of cluster us holds the only started copy of warm\[0\].*unavailable while us-3 restarts/,
      eu1,
    ],
    also: (plan) =>
      expect(['us-1', 'us-2', 'us-3'].map((node) => stepOf(plan, 'node.change', node).input.outageStated.data)).toEqual(
        [[], [], ['warm[0]']],
      ),
  },
  {
    name: 'a port that answers already although the server is off is warned of',
    world: changed((made) => {
      made.network['10.0.1.2:9443'] = 'open';
    }),
    ...threeToOne,
    outages: [eu1],
    warnings: [/^Something listens at 10\.0\.1\.2:9443 already, although .* node us-2 is off/],
  },
];

describe('a first connect', () => {
  test.each(cases)('$name', checkPlan);

  test('TLS of the remote cluster server stands in the file of every node, by a keystore of its own', () => {
    const plan = planIn(world(), request());
    for (const node of ['us-1', 'us-2', 'us-3']) {
      const { diff } = stepOf(plan, 'node.change', node);
      expect(diff).toContain('+   xpack.security.remote_cluster_server.ssl.enabled: true');
      expect(diff).toMatch(/^\+ {3}xpack\.security\.remote_cluster_server\.ssl\.keystore\.path: .+\.p12$/m);
    }
  });
});
