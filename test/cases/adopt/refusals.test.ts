import { expect, test } from 'vitest';
import type { AdoptionFacts } from '../../../coordinator/src/plan/adopt/facts.ts';
import { connected } from '../connect/plans.ts';
import { nodeOf, type World, world } from '../connect/world.ts';
import { adopted, type Bend, byHand, CREDENTIALS, refusal } from './plans.ts';

const inWorlds: readonly (readonly [string, (made: World) => void, string, RegExp])[] = [
  [
    'an alias that is not there',
    ({ local }) => {
      local.persistent = {};
    },
    'not-found',
    /Cluster eu has no alias us/,
  ],
  [
    'transient settings, which hide what is configured for good',
    ({ local }) => {
      local.transient['cluster.remote.us.skip_unavailable'] = 'true';
    },
    'conflict',
    /transient settings of the alias us \(cluster\.remote\.us\.skip_unavailable\)/,
  ],
  [
    'an alias in elasticsearch.yml, which is of that node alone',
    ({ local }) => {
      nodeOf(local, 'eu-2').yml.values['cluster.remote.us.seeds'] = ['10.0.1.1:9443'];
    },
    'conflict',
    /elasticsearch\.yml of eu-2 \(cluster eu\) has settings of the alias us/,
  ],
  [
    'a connection that signs its requests',
    ({ local }) => {
      nodeOf(local, 'eu-2').keystore.entries['cluster.remote.us.signing.secure_key_passphrase'] = {
        ...{ reference: null, writtenAtMs: null },
      };
    },
    'conflict',
    /signs its requests \(cluster\.remote\.us\.signing\.secure_key_passphrase in the keystore\)/,
  ],
  [
    'a connection by certificates',
    ({ local }) => {
      for (const { keystore } of local.nodes) delete keystore.entries[CREDENTIALS];
    },
    'conflict',
    /No node of cluster eu has cluster\.remote\.us\.credentials in its keystore: .* by certificates/,
  ],
  [
    'a node without the credential that the others have',
    ({ local }) => {
      delete nodeOf(local, 'eu-1').keystore.entries[CREDENTIALS];
    },
    'conflict',
    /eu-1 of cluster eu has no cluster\.remote\.us\.credentials in the keystore/,
  ],
  [
    'a connection that does not work',
    (made) => {
      if (made.handMadeKey) made.handMadeKey.usable = false;
    },
    'preflight-failed',
    /eu\/us does not work from node eu-1 now \(it is broken\): mend it first/,
  ],
  [
    'a node whose agent is away',
    ({ local }) => {
      nodeOf(local, 'eu-2').agent = 'offline';
    },
    'agent-offline',
    /agent of node eu-2 \(cluster eu\) is offline/,
  ],
  [
    'a node without an agent',
    ({ local }) => {
      nodeOf(local, 'eu-2').agent = 'missing';
    },
    'agent-missing',
    /eu-2 of cluster eu has no agent/,
  ],
  [
    'a keystore that cannot be read',
    ({ local }) => {
      nodeOf(local, 'eu-2').keystore.refusal = 'It has a password.';
    },
    'keystore-password',
    /keystore of node eu-2 \(cluster eu\) cannot be read/,
  ],
];

test.each(inWorlds)('%s', (_, change, code, says) => {
  const error = refusal(byHand(change));
  expect(error.message).toMatch(says);
  expect([error.code, error.kind.exit]).toEqual([code, 64]);
});

const observed: readonly (readonly [string, Bend, object, string, RegExp])[] = [
  [
    'two nodes with two keys',
    (facts) => ({
      ...facts,
      used: facts.used.map((one) => (one.node === 'eu-2' ? { ...one, id: 'another' } : one)),
      clusters: facts.clusters.map(({ cluster, keys }) => ({
        cluster,
        keys: typeof keys === 'string' ? keys : keys.flatMap((key) => [key, { ...key, id: 'another' }]),
      })),
    }),
    {},
    'conflict',
    /use different API keys for us \(eu-1: theirs, eu-2: another\)/,
  ],
  [
    'a node that does not say which key it uses',
    (facts) => ({ ...facts, used: facts.used.map(({ node }) => ({ node, id: null, answer: 'connected: true' })) }),
    {},
    'preflight-failed',
    /Which API key eu-1, eu-2 of cluster eu use is not told: .* \(connected: true\)/,
  ],
  [
    'a remote cluster that Remora does not know',
    (facts) => ({
      ...{ ...facts, remote: undefined },
      clusters: [
        { cluster: 'eu', keys: [] },
        { cluster: 'us', keys: 'it does not answer' },
      ],
    }),
    {},
    'conflict',
    /No cluster that Remora knows has API key theirs.*\(us could not be asked: it does not answer\).*clusters add/,
  ],
  [
    'another remote cluster than the one that was named',
    (facts) => ({ ...facts, remote: undefined }),
    { remote: 'eu' },
    'conflict',
    /Cluster eu does not have API key theirs/,
  ],
  [
    'two clusters that know the key, one being restored from a snapshot of the other',
    (facts) =>
      ({
        ...facts,
        remote: undefined,
        clusters: [...facts.clusters, { ...facts.clusters[0], cluster: 'ap' }],
      }) as AdoptionFacts,
    {},
    'bad-input',
    /Clusters us, ap all know API key theirs.*--remote NAME/,
  ],
  [
    'a key that demands a signature',
    (facts) => ({
      ...facts,
      clusters: facts.clusters.map(({ cluster, keys }) => ({
        cluster,
        keys: typeof keys === 'string' ? keys : keys.map((key) => ({ ...key, certificateIdentity: 'CN=eu' })),
      })),
    }),
    {},
    'conflict',
    /by hand \(theirs\) demands a signature \(certificate_identity CN=eu\)/,
  ],
  [
    'a certificate that leads to a CA that nobody has',
    (facts) => ({ ...facts, servers: [{ address: '10.0.1.1:9443', ca: null, problem: 'it leads to no CA.' }] }),
    {},
    'preflight-failed',
    /At 10\.0\.1\.1:9443: it leads to no CA/,
  ],
  [
    'the only key of another connection is not invalidated',
    (facts) => {
      const secret = 'secret:connection/eu/other/api-key@1';
      const [connection] = adopted(byHand()).connections;
      return {
        ...facts,
        connections: [{ ...connection, alias: 'other', keySecret: secret }] as AdoptionFacts['connections'],
        apiKeys: [{ secret, cluster: 'us', id: 'theirs', name: 'by hand', expiresAtMs: null, configHash: '' }],
      };
    },
    { revokeOld: true },
    'conflict',
    /The connection eu\/other uses the same API key: leave out --revoke-old/,
  ],
];

test.each(observed)('%s', (_, bend, wish, code, says) => {
  const error = refusal(byHand(), wish, bend);
  expect(error.message).toMatch(says);
  expect([error.code, error.kind.exit]).toEqual([code, 64]);
});

test('a CA by name to which nothing leads', () => {
  const made = byHand();
  const [ca] = adopted(byHand()).cas;
  if (ca) made.cas = [{ ...ca, name: 'other', facts: { ...ca.facts, fingerprint256: 'other' } }];
  expect(refusal(made, { ca: 'other' }).message).toMatch(/do not lead to CA other, but to us-remote: leave out --ca/);
});

test('a connection that is managed already leads where it leads', () => {
  expect(refusal(adopted(byHand()), { remote: 'ap' }).message).toMatch(/eu\/us is managed already, and leads to us/);
});

test('a connection that is managed already, in elasticsearch.yml', () => {
  const made = connected(world({ local: 2 }), { staticNodes: 'all' });
  expect(refusal(made).message).toMatch(/eu\/us is managed already, in elasticsearch\.yml of nodes: `remora connect`/);
});

test('a name for a CA that has one already, also of a connection that is managed', () => {
  const says = /The CA of the certificates of cluster us is called us-remote, and not corporate: leave out --ca/;
  expect(refusal(adopted(byHand()), { ca: 'corporate' }).message).toMatch(says);
  const [known] = adopted(byHand()).cas;
  const made = byHand((world) => {
    if (known) world.cas = [known];
  });
  expect(refusal(made, { ca: 'corporate' }).message).toMatch(says);
});
