import type { RemoraError } from '@remora/shared/errors.ts';
import type { ForeignConnectRequest } from '@remora/shared/model/requests/foreign-connect-request.ts';
import { describe, expect, it, test } from 'vitest';
import { planForeignConnect } from '../../../coordinator/src/plan/connect-foreign/connect-foreign.ts';
import type { ForeignConnectFacts } from '../../../coordinator/src/plan/connect-foreign/facts.ts';
import type { ForeignConnectionRecord } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { certificateFacts, factsOf, request, sha256 } from '../connect/facts.ts';
import { connected, lines, stepOf } from '../connect/plans.ts';
import { changed, type World, world } from '../connect/world.ts';

const SECRET = 'secret:connection/eu/other/given-key@1';
const wish = (more: Partial<ForeignConnectRequest> = {}): ForeignConnectRequest => ({
  ...{ local: 'eu', alias: 'other', name: 'theirs', mode: 'sniff', seeds: ['far:9443'], caPem: 'PEM' },
  ...{ key: { secret: SECRET, id: 'key-id' }, ...more },
});

const observed = (made: World, more: Partial<ForeignConnectFacts> = {}): ForeignConnectFacts => {
  const { local, connections, cas, secretVersions } = factsOf(made, request());
  const ca = { certificatePem: 'PEM of theirs\n', facts: certificateFacts('theirs', 0, made.nowMs * 2) };
  const way = { node: 'eu-1', address: 'far:9443', tcp: 'open', detail: '' } as const;
  return {
    ...{ local, connections, cas, given: [ca], knownAs: null, proven: null },
    ways: [{ ...way, tls: { trusted: true, error: '', leaf: null } }],
    secretVersions: { ...secretVersions, 'connection/eu/other/given-key': 2 },
    ...more,
  };
};

const planOf = (facts: ForeignConnectFacts, wanted = wish()): StoredPlan =>
  planForeignConnect(wanted, facts, { planId: 'plan-1', now: new Date(world().nowMs).toISOString(), hash: sha256 });

const refusalOf = (facts: ForeignConnectFacts, wanted = wish()): RemoraError => {
  try {
    planOf(facts, wanted);
  } catch (error) {
    return error as RemoraError;
  }
  throw new Error('it was planned');
};

const standing = (more: Partial<ForeignConnectionRecord> = {}): ForeignConnectionRecord => ({
  ...{ local: 'eu', alias: 'other', auth: 'api_key', mode: 'sniff', cas: ['eu-other-remote'] },
  foreign: { name: 'theirs', clusterUuid: null },
  ...{ keySecret: SECRET, key: { id: 'key-id', name: null, expiresAt: null }, settings: ['mode', 'seeds'], ...more },
});

describe('the local half of a connection to a cluster of others', () => {
  it('restarts the nodes that trust nobody yet, and changes nothing of another cluster', () => {
    const plan = planOf(observed(world()));
    expect(plan.clusters).toEqual(['eu']);
    expect(plan.restarts).toEqual(['eu-1']);
    expect(stepOf(plan, 'ca.import').input).toEqual({
      ...{ ca: 'eu-other-remote', certificatePem: 'PEM of theirs\n', fingerprint256: 'theirs' },
    });
    expect(stepOf(plan, 'connection.prove').input).toMatchObject({ remote: 'theirs', keyId: 'key-id' });
  });

  it('restarts no node where others are trusted already, and keeps their CAs', () => {
    const plan = planOf(observed(connected(world())));
    expect(plan.restarts).toEqual([]);
    const [files] = stepOf(plan, 'node.change', 'eu-1').input.operations;
    const [file] = files?.name === 'files' ? files.input.write : [];
    expect(Buffer.from(String(file?.content), 'base64').toString()).toBe('PEM of theirs\nPEM of us-remote');
  });

  it('with public CAs writes the credential alone, and needs no restart', () => {
    const plan = planOf(observed(world(), { given: [] }), wish({ caPem: null }));
    expect(plan.restarts).toEqual([]);
    expect(stepOf(plan, 'node.change', 'eu-1').input.operations.map(({ name }) => name)).toEqual(['keystore']);
    expect(lines(plan).some((line) => line.includes('ca.import'))).toBe(false);
  });

  it('says of a key that takes the place of another who has to invalidate that', () => {
    const facts = observed(world(), { connections: [standing()], proven: true });
    const plan = planOf(facts, wish({ key: { secret: SECRET.replace('@1', '@2'), id: 'new-id' } }));
    expect(plan.warnings).toContainEqual(
      expect.stringMatching(/key before \(key-id\) is not invalidated: only those who run theirs/),
    );
    expect(stepOf(plan, 'connection.record').input).toMatchObject({
      worked: true,
      connection: { key: { id: 'new-id' } },
    });
  });

  it('through a proxy registers its address and the name for SNI, and from sniffing takes the seeds out', () => {
    const proxied = { mode: 'proxy', proxyAddress: 'far:9400', serverName: 'us.example.com' } as const;
    const { seeds: _, ...wanted } = wish(proxied);
    const made = world();
    expect(stepOf(planOf(observed(made), wanted), 'cluster-settings.put').input.persistent).toEqual({
      'cluster.remote.other.mode': 'proxy',
      'cluster.remote.other.proxy_address': 'far:9400',
      'cluster.remote.other.server_name': 'us.example.com',
    });
    made.local.persistent = { 'cluster.remote.other.mode': 'sniff', 'cluster.remote.other.seeds': ['far:9443'] };
    const plan = planOf(observed(made, { connections: [standing()], proven: true }), wanted);
    expect(stepOf(plan, 'cluster-settings.put').input.persistent).toMatchObject({
      ...{ 'cluster.remote.other.mode': 'proxy', 'cluster.remote.other.seeds': null },
    });
    expect(plan.warnings).toContainEqual(
      expect.stringMatching(/^The change of mode, .* closes the connections of other/),
    );
  });

  it('knows a CA that is on record by its fingerprint', () => {
    const made = connected(world());
    const [ca] = made.cas;
    const given = ca ? [{ certificatePem: ca.certificatePem, facts: ca.facts }] : [];
    const plan = planOf(observed(made, { given }));
    expect(stepOf(plan, 'connection.record').input.connection).toMatchObject({ cas: ['us-remote'] });
    expect(lines(plan).some((line) => line.includes('ca.import'))).toBe(false);
  });
});

const leaf = { ...certificateFacts('leaf', 0, world().nowMs * 2), sans: ['DNS:other'] };
const way = (tls: ForeignConnectFacts['ways'][number]['tls'], tcp: 'open' | 'refused' | 'timeout' = 'open') => ({
  ways: [{ node: 'eu-1', address: 'far:9443', tcp, detail: '', tls }],
});

describe('is refused before anything is changed', () => {
  const cases: readonly (readonly [string, () => ForeignConnectFacts, Partial<ForeignConnectRequest>, RegExp])[] = [
    [
      'by another CA than what is served',
      () => observed(world(), way({ trusted: false, error: 'unable to verify', leaf })),
      {},
      /far:9443 is not trusted from node eu-1 by the CA of --remote-ca \(CN=theirs\)/,
    ],
    [
      'by a public CA',
      () => observed(world(), { given: [], ...way({ trusted: false, error: 'self-signed', leaf }) }),
      { caPem: null },
      /by a public CA \(--remote-ca public\): give --remote-ca FILE/,
    ],
    [
      'by a name that is not covered',
      () => observed(world(), way({ trusted: false, error: "Host: far. is not cert's altnames", leaf })),
      {},
      /does not name far/,
    ],
    [
      'by a certificate that ended',
      () =>
        observed(
          world(),
          way({ trusted: false, error: 'CERT_HAS_EXPIRED', leaf: { ...leaf, notAfter: '2020-01-01T00:00:00.000Z' } }),
        ),
      {},
      /ended at 2020-01-01/,
    ],
    ['where nothing listens', () => observed(world(), way(null, 'refused')), {}, /the connection is refused/],
    ['by a firewall', () => observed(world(), way(null, 'timeout')), {}, /Open that port for it/],
    [
      'with a key that ended',
      () => observed(world()),
      { key: { secret: SECRET, id: 'key-id', expiresAt: '2020-01-01T00:00:00Z' } },
      /ended at 2020/,
    ],
    [
      'with an alias of another connection',
      () => observed(connected(world())),
      { alias: 'us', key: { secret: SECRET, id: 'key-id' } },
      /The alias us of cluster eu is taken/,
    ],
    [
      'with an alias that somebody else made',
      () =>
        observed(
          changed((made) => {
            made.local.persistent = { 'cluster.remote.other.seeds': ['h:1'] };
          })(),
        ),
      {},
      /was not made by Remora/,
    ],
    [
      'with public CAs where a CA file is named',
      () => observed(connected(world()), { given: [] }),
      { caPem: null },
      /none of Java's public CAs/,
    ],
    [
      'with a CA file where another connection lives on public CAs',
      () => observed(world(), { connections: [standing({ alias: 'cloud', cas: [] })] }),
      {},
      /eu\/cloud lives on Java's public CAs/,
    ],
    [
      'with a remote cluster that is too old',
      () => observed(world()),
      { version: '7.17.0' },
      /is 7\.17\.0, and cluster eu/,
    ],
    [
      'with an agent that is away',
      () =>
        observed(
          changed((made) => {
            for (const node of made.local.nodes) node.agent = 'offline';
          })(),
        ),
      {},
      /is offline/,
    ],
  ];
  test.each(cases)('%s', (_, facts, more, says) => {
    expect(refusalOf(facts(), wish(more)).message).toMatch(says);
  });
});
