import { describe, expect, test } from 'vitest';
import { preflightChecks } from '../../../coordinator/src/plan/connect/preflight/preflight.ts';
import { request } from './facts.ts';
import { refusedGiven } from './given-world.ts';
import { connected, planIn } from './plans.ts';
import { refusedClusters } from './refused-clusters.ts';
import { aliasThere, refusedConnections } from './refused-connections.ts';
import { refusedNodes } from './refused-nodes.ts';
import { refusedSigning } from './refused-signing.ts';
import { refusedStatic } from './refused-static.ts';
import { checkRefusal } from './runner.ts';
import { allRoles, changed, nodeOf, type World, world } from './world.ts';

/** Each check of preflight, closed; what stands in `open` is close to it and passes. */

const open: { readonly name: string; readonly world: () => World; readonly wish?: Parameters<typeof request>[0] }[] = [
  { name: 'nothing listens yet: refused is an open path', world: () => world() },
  { name: '8.14.0 on both sides', world: changed((made) => setVersions(made, '8.14.0', '8.14.0', '7.17.0')) },
  { name: '8.19 to 9.5', world: changed((made) => setVersions(made, '8.19.21', '9.5.3', '8.19.0')) },
  {
    name: 'an enterprise licence',
    world: changed((made) => {
      made.remote.license = { type: 'enterprise', active: true };
    }),
  },
  {
    name: 'the API key service of the local cluster does not count',
    world: changed((made) => {
      made.local.apiKeyService = 'off';
    }),
  },
  {
    name: 'a clock that is off by less than certificates are backdated',
    world: changed((made) => {
      nodeOf(made.remote, 'us-1').clockSkewMs = -239_000;
    }),
  },
  {
    name: 'two nodes on one host with ports of their own',
    world: changed((made) => {
      for (const node of made.remote.nodes.slice(0, 2)) node.host.machineId = 'shared';
      nodeOf(made.remote, 'us-2').yml.values['remote_cluster.port'] = 9444;
    }),
  },
  {
    name: 'two local nodes on one host, which listen nowhere',
    world: changed(
      (made) => {
        for (const node of made.local.nodes) node.host.machineId = 'shared';
      },
      () => world({ local: 2 }),
    ),
  },
  {
    name: 'a local node that makes no connections may be as it likes',
    world: changed(
      (made) => {
        const node = nodeOf(made.local, 'eu-2');
        Object.assign(node, { agentPid: 1, clockSkewMs: 1e6, configDirRefusal: 'read-only' });
        node.yml.refusal = 'broken';
      },
      () => world({ local: [allRoles, ['master', 'data']] }),
    ),
  },
  {
    name: 'transient settings of another alias',
    world: changed((made) => {
      made.local.transient = { 'cluster.remote.usa.mode': 'sniff' };
    }),
  },
  ...['us', 'u*', '?s', '/(us|eu)/'].map((pattern) => ({
    name: `a user that may ask over ${pattern}`,
    world: changed((made) => {
      made.local.remoteAliases = ['other', pattern];
    }),
  })),
  {
    name: 'the user of the remote cluster may ask over nothing',
    world: changed((made) => {
      made.remote.remoteAliases = [];
    }),
  },
  {
    name: 'loopback where all nodes are on one host',
    world: changed(
      (made) => {
        for (const node of [...made.remote.nodes, ...made.local.nodes])
          Object.assign(node, { transportHost: '127.0.0.1', host: { ...node.host, machineId: 'shared' } });
      },
      () => world({ remote: 1 }),
    ),
  },
  {
    name: 'loopback behind a proxy',
    world: changed((made) => {
      for (const node of made.remote.nodes) node.transportHost = '127.0.0.1';
    }),
    wish: { mode: 'proxy', proxyAddress: 'proxy.example.com:9443' },
  },
  ...['_site_', '0.0.0.0', '::', '_eth0:ipv4_'].map((remoteHost) => ({
    name: `--remote-host ${remoteHost}, which every node can bind`,
    world: () => world(),
    wish: { remoteHost },
  })),
  {
    name: 'an address for the one node that has it, the others having their own in their files',
    world: changed((made) => {
      for (const node of made.remote.nodes.slice(1)) node.yml.values['remote_cluster.host'] = '_site_';
      nodeOf(made.remote, 'us-1').host.addresses.push('2001:db8::7');
    }),
    wish: { remoteHost: '2001:DB8:0::7' },
  },
  { name: 'a name for one host', world: () => world({ remote: 1 }), wish: { remoteHost: 'us.example.com' } },
  { name: 'an alias that begins like another', world: changed(aliasThere), wish: { alias: 'u' } },
  { name: 'the CA that the certificates have', world: () => connected(world()), wish: { ca: 'us-remote' } },
  { name: 'a key whose end is moved', world: () => connected(world(), { expires: '90d' }), wish: { expires: '30d' } },
];

const setVersions = (made: World, local: string, remote: string, minimum: string): void => {
  made.local.version = local;
  made.remote.version = remote;
  for (const node of made.local.nodes) node.version = local;
  for (const node of made.remote.nodes) node.version = remote;
  made.remote.minimumWireCompatibility = minimum;
  made.local.minimumWireCompatibility = '7.17.0';
};

describe('what is refused before anything changes', () => {
  test.each(refusedClusters)('of clusters: $name', checkRefusal);
  test.each(refusedNodes)('of nodes: $name', checkRefusal);
  test.each(refusedConnections)('of the connection: $name', checkRefusal);
  test.each(refusedSigning)('of signatures: $name', checkRefusal);
  test.each(refusedStatic)('of an alias in elasticsearch.yml: $name', checkRefusal);

  test('has a case here for every check', () => {
    const covered = new Set(
      [
        ...refusedClusters,
        ...refusedNodes,
        ...refusedConnections,
        ...refusedSigning,
        ...refusedGiven,
        ...refusedStatic,
      ].map(({ check }) => check),
    );
    expect(Object.keys(preflightChecks).filter((check) => !covered.has(check))).toEqual([]);
  });

  test('is said all at once, the first as the message', () => {
    const made = changed((one) => {
      one.local.license = { type: 'basic', active: true };
      nodeOf(one.remote, 'us-1').agent = 'offline';
      nodeOf(one.remote, 'us-2').agent = 'missing';
    })();
    expect(() => planIn(made, request())).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^The licence of cluster eu is basic.* \(and 2 more\)$/),
        findings: [
          expect.stringContaining('license: '),
          expect.stringContaining('agents-joined: Node us-2'),
          expect.stringContaining('agents-online: The agent of node us-1'),
        ],
      }),
    );
  });
});

describe('what is not refused', () => {
  test.each(open)('$name', ({ world, wish }) => {
    expect(planIn(world(), request(wish)).planId).toBe('plan-1');
  });
});
