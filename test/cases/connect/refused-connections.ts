import type { ConnectionRecord } from '../../../coordinator/src/plan/connection/connection-records.ts';
import { adopted, authorities, byHand, sameWish } from '../adopt/plans.ts';
import { connected } from './plans.ts';
import type { RefusalCase } from './runner.ts';
import { changed, nodeOf, type World, world } from './world.ts';

const SERVER = 'xpack.security.remote_cluster_server.ssl';
const CLIENT = 'xpack.security.remote_cluster_client.ssl';

/** An alias that somebody else registered. */
export const aliasThere = (made: World): void => {
  made.local.persistent = { 'cluster.remote.us.mode': 'sniff', 'cluster.remote.us.seeds': ['h:9300'] };
};

/** What stands between the clusters, or in the way of the connection. */
export const refusedConnections: RefusalCase[] = [
  {
    name: 'the CA of a proxy where the local cluster is no deployment',
    world: () => world(),
    wish: { mode: 'proxy', proxyAddress: 'proxy.us.example.com:9443', proxyCa: 'public' },
    code: 'preflight-failed',
    check: 'deployment-fits',
    says: '--proxy-ca is for deployments of Elastic Cloud, and cluster eu is none',
  },
  {
    name: 'an alias in the cluster settings that is not ours',
    world: changed(aliasThere),
    code: 'conflict',
    check: 'alias-free-or-ours',
    says: 'The alias us exists on cluster eu already (in its cluster settings) and was not made by Remora: choose another alias',
  },
  {
    name: 'an alias in elasticsearch.yml that is not ours',
    world: changed((made) => {
      nodeOf(made.local, 'eu-1').yml.values['cluster.remote.us.seeds'] = ['h:9300'];
    }),
    code: 'conflict',
    check: 'alias-free-or-ours',
    says: '(in elasticsearch.yml of eu-1: seeds) and was not made by Remora: choose another alias, or remove that connection first. Settings of the API would win over these there',
  },
  {
    name: 'a credential of somebody else for an alias that is not ours',
    world: changed((made) => {
      nodeOf(made.local, 'eu-1').keystore.entries['cluster.remote.us.credentials'] = {
        reference: null,
        writtenAtMs: null,
      };
    }),
    code: 'conflict',
    check: 'alias-free-or-ours',
    says: '(in the keystore of eu-1)',
  },
  {
    name: 'our alias of another remote',
    world: changed(
      (made) => {
        made.connections = made.connections.map((one) => ({ ...one, remote: 'ap' }));
      },
      () => connected(world()),
    ),
    code: 'conflict',
    check: 'alias-free-or-ours',
    says: "The alias us of cluster eu is taken: it is Remora's connection to ap. Choose another alias.",
  },
  {
    name: 'transient settings of the alias',
    world: changed((made) => {
      made.local.transient = { 'cluster.remote.us.skip_unavailable': 'true' };
    }),
    code: 'conflict',
    check: 'alias-free-or-ours',
    says: 'Cluster eu has the transient setting cluster.remote.us.skip_unavailable, which hides what is configured for good',
  },
  ...['keystore.path', 'certificate', 'key'].map((name) => ({
    name: `a server certificate of somebody else (${name})`,
    world: changed((made: World) => {
      nodeOf(made.remote, 'us-2').yml.values[`${SERVER}.${name}`] = 'theirs.pem';
    }),
    code: 'conflict' as const,
    check: 'server-certificate-ours',
    says: `serves the remote cluster port with a certificate of somebody else (${SERVER}.${name}: theirs.pem)`,
  })),
  {
    name: 'trust by a truststore',
    world: changed((made) => {
      nodeOf(made.local, 'eu-1').yml.values[`${CLIENT}.truststore.path`] = 'trust.p12';
    }),
    code: 'conflict',
    check: 'trust-by-pem',
    says: `trusts remote clusters by a truststore (${CLIENT}.truststore.path: trust.p12)`,
  },
  {
    name: "another connection that lives on Java's public CAs",
    world: changed((made) => {
      // As one whose remote cluster others run has it: worlds have no such connections else.
      const cloud = { ...{ local: 'eu', alias: 'cloud', cas: [], foreign: { name: 'cloud', clusterUuid: null } } };
      made.connections = [cloud as unknown as ConnectionRecord];
    }),
    code: 'conflict',
    check: 'public-trust-kept',
    says: "The connection eu/cloud lives on Java's public CAs, which the nodes of cluster eu trust no more",
  },
  {
    name: "a connection that people made and that lives on Java's public CAs",
    world: changed(
      (made) => {
        const taken = { key: { id: 'theirs', name: 'by hand' }, server: false, trust: true };
        made.connections = made.connections.map((one) => ({ ...one, adopted: taken }));
        for (const { yml } of made.local.nodes) delete yml.values[authorities];
      },
      () => connected(world()),
    ),
    wish: { alias: 'other' },
    code: 'conflict',
    check: 'public-trust-kept',
    says: "The connection eu/us, which people made, lives on Java's public CAs, which eu-1 trusts no more once a CA file is named for another",
  },
  {
    name: 'names of servers that people set up',
    world: () => adopted(byHand()),
    wish: { ...sameWish, sans: ['us.example.com'] },
    code: 'bad-input',
    check: 'servers-as-they-are',
    says: '--san: people set up the remote cluster server of us-1, us-2 (cluster us), and it stays as it is.',
  },
  {
    name: 'another CA than the certificates have',
    world: () => connected(world()),
    wish: { ca: 'other' },
    code: 'conflict',
    check: 'certificate-authority',
    says: 'The nodes of cluster us have certificates of CA us-remote, which other connections may trust: leave out --ca',
  },
  {
    name: 'a CA whose key is not here',
    world: changed(
      (made) => {
        made.cas = made.cas.map((ca) => ({ ...ca, key: null }));
        made.certificates = [];
      },
      () => connected(world()),
    ),
    wish: { ca: 'us-remote' },
    code: 'conflict',
    check: 'certificate-authority',
    says: 'The key of CA us-remote is not here, so it cannot sign certificates for cluster us',
  },
  {
    name: 'the CA that would be taken is retired',
    world: changed(
      (made) => {
        made.cas = made.cas.map((ca) => ({ ...ca, successor: 'us-remote-2', retiredAt: '2026-02-01T00:00:00.000Z' }));
        made.certificates = [];
      },
      () => connected(world()),
    ),
    code: 'conflict',
    check: 'certificate-authority',
    says: 'CA us-remote is retired, and us-remote-2 took its place: give --ca us-remote-2',
  },
  {
    name: 'the CA that would sign has ended',
    world: changed(
      (made) => {
        made.cas = made.cas.map((ca) => ({ ...ca, facts: { ...ca.facts, notAfter: '2026-02-01T00:00:00.000Z' } }));
        made.certificates = made.certificates.slice(1);
      },
      () => connected(world()),
    ),
    code: 'conflict',
    check: 'certificate-authority',
    says: 'CA us-remote ended at 2026-02-01T00:00:00.000Z: what it signs for cluster us would be trusted by nobody',
  },
  {
    name: 'a key with an end that shall have none',
    world: () => connected(world(), { expires: '90d' }),
    code: 'preflight-failed',
    check: 'key-end',
    says: 'Elasticsearch cannot take the end of a key away: give --expires',
  },
  {
    name: 'another port under a living connection',
    world: () => connected(world()),
    wish: { alias: 'second', remotePort: 9555 },
    code: 'conflict',
    check: 'address-kept-for-others',
    says: 'Node us-1 of cluster us listens at 10.0.1.1:9443, where connection us of cluster eu finds it, and would listen at 10.0.1.1:9555',
    findings: 3,
  },
  {
    name: 'a firewall that drops',
    world: changed((made) => {
      made.network['10.0.1.2:9443'] = 'timeout';
    }),
    code: 'preflight-failed',
    check: 'paths-open',
    says: 'Node eu-1 got no answer from 10.0.1.2:9443: that is what a firewall looks like which drops packets.',
  },
  ...(['unreachable', 'unknown-host'] as const).map((tcp) => ({
    name: `an address that is ${tcp}`,
    world: changed((made: World) => {
      made.network['10.0.1.2:9443'] = tcp;
    }),
    code: 'preflight-failed' as const,
    check: 'paths-open',
    says: `Node eu-1 cannot reach 10.0.1.2:9443: connect ${tcp} 10.0.1.2:9443.`,
  })),
  {
    name: 'refused where the server runs',
    world: changed(
      (made) => {
        made.network['10.0.1.2:9443'] = 'refused';
      },
      () => connected(world()),
    ),
    code: 'preflight-failed',
    check: 'paths-open',
    says: 'Node eu-1 cannot reach 10.0.1.2:9443: the connection is refused although the remote cluster server runs.',
  },
  {
    name: 'a firewall before the addresses that sniffing finds, whatever seeds were given',
    world: changed((made) => {
      made.network['10.0.1.2:9443'] = 'timeout';
    }),
    wish: { seeds: ['lb.example.com:9443'] },
    code: 'preflight-failed',
    check: 'paths-open',
    says: 'Node eu-1 got no answer from 10.0.1.2:9443',
  },
  {
    name: 'a remote node on loopback, whose address leads others to themselves',
    world: changed((made) => {
      nodeOf(made.remote, 'us-2').transportHost = '127.0.0.1';
    }),
    code: 'preflight-failed',
    check: 'beyond-loopback',
    says: 'Node us-2 of cluster us would listen at 127.0.0.1:9443, where node eu-1, on another host, finds only itself: give --remote-host',
  },
  {
    name: 'loopback behind seeds, which are a first contact only',
    world: changed((made) => {
      nodeOf(made.remote, 'us-2').yml.values['remote_cluster.host'] = '::1';
    }),
    wish: { seeds: ['lb.example.com:9443'] },
    code: 'preflight-failed',
    check: 'beyond-loopback',
    says: 'would listen at [::1]:9443',
  },
  {
    name: 'an address for all that only one node has',
    world: () => world(),
    wish: { remoteHost: '10.0.1.1' },
    code: 'preflight-failed',
    check: 'remote-host-fits',
    says: 'Node us-2 of cluster us has no address 10.0.1.1 (it has 10.0.1.2), so it would not start with --remote-host 10.0.1.1: give an interface',
    findings: 2,
  },
  {
    name: 'a name for nodes on several hosts',
    world: () => world(),
    wish: { remoteHost: 'us.example.com' },
    code: 'preflight-failed',
    check: 'remote-host-fits',
    says: '--remote-host us.example.com would be bound by every node of cluster us, and they are on several hosts: give an interface',
  },
];
