import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import { describe, expect, test } from 'vitest';
import type {
  NodeCertificates,
  ServedCertificate,
} from '../../../../../coordinator/src/observe/certificates/observe-certificates.ts';
import type {
  CaRecord,
  CertificateRecord,
  SigningCertificateRecord,
} from '../../../../../coordinator/src/plan/records.ts';
import { certificateViews } from '../../../../../coordinator/src/services/certificates/certificate-views.ts';

const now = new Date('2026-06-01T12:00:00Z');
const SERVER = 'xpack.security.remote_cluster_server.ssl';
const CLIENT = 'xpack.security.remote_cluster_client.ssl';

const facts = (name: string, more: Partial<CertificateFacts> = {}): CertificateFacts => ({
  subject: `CN=${name}`,
  issuer: 'CN=us-remote',
  sans: ['IP:10.0.0.1'],
  notBefore: '2026-05-01T00:00:00.000Z',
  notAfter: '2027-05-01T00:00:00.000Z',
  fingerprint256: `fingerprint of ${name}`,
  serial: '01',
  ...more,
});

const authority = facts('us-remote', { issuer: 'CN=us-remote', sans: [] });
const ca: CaRecord = {
  ...{ name: 'us-remote', certificatePem: '', certificate: '', key: 'secret:ca/us-remote/key@1' },
  facts: authority,
};
const record = (certificate: CertificateFacts): CertificateRecord => ({
  ...{ cluster: 'us', node: 'us-1', purpose: 'remote_cluster_server', ca: 'us-remote', path: 'remora.p12', names: [] },
  ...{ p12Secret: 'secret:p12@1', passwordSecret: 'secret:password@1', facts: certificate },
});

const served = (leaf: CertificateFacts | null, more: Partial<ServedCertificate> = {}): ServedCertificate => ({
  ...{ purpose: 'remote_cluster_server', hosts: ['10.0.0.1'], port: 9443 },
  ...{ chain: leaf ? [leaf, authority] : [], error: leaf ? '' : 'refused: connect ECONNREFUSED' },
  ...more,
});

type Settings = NonNullable<NodeCertificates['facts']>['settingsFile']['values'];
type FileFacts = NonNullable<NodeCertificates['facts']>['files'][number];

const file = (path: string, more: Partial<FileFacts>): FileFacts => ({
  ...{ path, digest: `digest of ${path}`, source: null, modifiedAtMs: 0, certificates: [] },
  ...more,
});

const node = (
  values: Settings,
  files: readonly FileFacts[],
  ports: readonly ServedCertificate[],
): NodeCertificates => ({
  ...{ cluster: 'us', node: 'us-1', configured: [], served: ports, problems: [] },
  facts: {
    configDir: '/etc/elasticsearch',
    settingsFile: { path: '', digest: null, modifiedAtMs: null, refusal: null, values },
    files: [...files],
  },
});

const list = (of: NodeCertificates, records: readonly CertificateRecord[] = []) =>
  certificateViews({ nodes: [of], records, signers: [], cas: [ca], clusterCas: [], now });

const configured: Settings = { [`${SERVER}.keystore.path`]: 'remora.p12' };
const ours = file('remora.p12', { source: 'secret:p12@1' });

describe('a certificate of a port', () => {
  test('that is served as it stands in the file is one entry, with nothing to say', () => {
    const leaf = facts('us-1');
    expect(list(node(configured, [ours], [served(leaf)]), [record(leaf)])).toEqual({
      problems: [],
      certificates: [
        {
          ...{
            cluster: 'us',
            node: 'us-1',
            purpose: 'remote_cluster_server',
            ...leaf,
            daysLeft: 333,
            path: 'remora.p12',
          },
          ...{ served: true, chain: ['CN=us-remote'], ca: 'us-remote', managed: true, level: 'ok', findings: [] },
          ...{ key: null, signature: null, keyMatches: true },
        },
      ],
    });
  });

  test('that was replaced on disk and is not loaded yet stands beside the one that is served', () => {
    const [old, fresh] = [facts('old'), facts('fresh', { notAfter: '2028-01-01T00:00:00.000Z' })];
    const { certificates } = list(node(configured, [ours], [served(old)]), [record(fresh)]);
    expect(certificates).toMatchObject([
      {
        ...{ subject: 'CN=old', served: true, path: null, managed: true },
        findings: ['remora.p12 holds another one: Elasticsearch has not loaded that.'],
      },
      {
        subject: 'CN=fresh',
        served: false,
        path: 'remora.p12',
        managed: true,
        findings: ['Port 9443 does not serve it.'],
      },
    ]);
  });

  test('of others is known by what is served: a PKCS#12 file tells nothing without its password', () => {
    const [foreign, theirs] = [file('theirs.p12', {}), facts('theirs', { issuer: 'CN=elsewhere' })];
    const settings = { [`${SERVER}.keystore.path`]: 'theirs.p12' };
    const { certificates } = list(node(settings, [foreign], [served(theirs, { chain: [theirs] })]));
    expect(certificates).toMatchObject([
      { subject: 'CN=theirs', served: true, path: 'theirs.p12', managed: false, ca: null, findings: [] },
    ]);
  });

  test('is known by the CA that it leads to, also through one that nobody imported', () => {
    const [leaf, issuing] = [facts('us-1', { issuer: 'CN=issuing' }), facts('issuing', { sans: [] })];
    const caOf = (chain: CertificateFacts[]) =>
      list(node(configured, [ours], [served(leaf, { chain })]), [record(leaf)]).certificates[0]?.ca;
    const stray = facts('issuing', { issuer: 'CN=others' });
    expect(
      [
        [leaf, issuing],
        [leaf, issuing, authority],
        [leaf, stray],
      ].map(caOf),
    ).toEqual(['us-remote', 'us-remote', null]);
  });

  test('that was issued and never placed is told where the one before is served', () => {
    const behind = file('remora.p12', { source: 'secret:p12@1' });
    const issued = { ...record(facts('fresh')), p12Secret: 'secret:p12@2' };
    const { certificates } = list(node(configured, [behind], [served(facts('old'))]), [issued]);
    expect(certificates).toMatchObject([
      {
        ...{ subject: 'CN=old', served: true, path: 'remora.p12', managed: true },
        findings: [
          expect.stringMatching(
            /^A newer one was issued and never placed: `remora certs rotate --cluster us --node us-1`/,
          ),
        ],
      },
    ]);
  });

  test('that covers the name of its host need not cover the address', () => {
    const port = served(facts('us-1', { sans: ['DNS:us-1.example.com'] }), { hosts: ['us-1.example.com', '10.0.0.1'] });
    expect(list(node(configured, [ours], [port])).certificates).toMatchObject([{ findings: [] }]);
  });

  test('that nobody can see is not passed over', () => {
    const settings = { [`${SERVER}.keystore.path`]: 'theirs.p12', [`${CLIENT}.certificate_authorities`]: ['gone.crt'] };
    const files = [file('theirs.p12', {}), file('gone.crt', { digest: null })];
    expect(list(node(settings, files, [served(null)]))).toEqual({
      certificates: [],
      problems: [
        'Node us-1 of cluster us: remote_cluster_server: What theirs.p12 holds cannot be read without its password.',
        'Node us-1 of cluster us: remote_cluster_server: Port 9443 showed no certificate (refused: connect ECONNREFUSED).',
        'Node us-1 of cluster us: remote_cluster_client_ca: The file gone.crt is missing or cannot be read.',
      ],
    });
  });

  test('whose file is gone is still served, and that is said', () => {
    const { certificates } = list(node(configured, [file('remora.p12', { digest: null })], [served(facts('us-1'))]));
    expect(certificates).toMatchObject([
      { served: true, findings: ['The file remora.p12 is missing or cannot be read.'] },
    ]);
  });

  test('that nothing serves is told with the reason', () => {
    const pem = file('server.crt', { certificates: [facts('us-1')] });
    const { certificates } = list(node({ [`${SERVER}.certificate`]: 'server.crt' }, [pem], [served(null)]));
    expect(certificates).toMatchObject([
      { served: false, findings: ['Port 9443 does not serve it (refused: connect ECONNREFUSED).'] },
    ]);
  });

  const renew = 'have a new one made where it comes from.';
  test.each([
    ['ends within minutes', { notAfter: '2026-06-01T12:07:30.000Z' }, 0, `It ends in 7 minutes: ${renew}`],
    ['ends within hours', { notAfter: '2026-06-01T20:00:00.000Z' }, 0, `It ends in 8 hours: ${renew}`],
    ['ends in a day', { notAfter: '2026-06-02T20:00:00.000Z' }, 1, `It ends in 1 day: ${renew}`],
    [
      'ends in weeks',
      { notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2026-06-30T20:00:00.000Z' },
      ...([29, `It ends in 29 days: ${renew}`] as const),
    ],
    ['has ended', { notAfter: '2026-05-30T20:00:00.000Z' }, -2, `It ended at 2026-05-30T20:00:00.000Z: ${renew}`],
    [
      'has not begun',
      { notBefore: '2026-07-01T00:00:00.000Z' },
      333,
      'It begins at 2026-07-01T00:00:00.000Z only, and nothing trusts it before: check the clocks.',
    ],
    [
      'has other names',
      { sans: ['DNS:elsewhere'] },
      333,
      'It does not cover 10.0.0.1, where the node publishes this port: have one made that names it.',
    ],
  ])('that %s', (_, more, daysLeft, finding) => {
    const theirs = facts('us-1', { ...more, issuer: 'CN=elsewhere' });
    const { certificates } = list(node(configured, [file('remora.p12', {})], [served(theirs, { chain: [theirs] })]));
    expect(certificates).toMatchObject([{ daysLeft, findings: [finding] }]);
  });

  test('between nodes needs names only where nodes are held to them', () => {
    const port = served(facts('us-1', { sans: [] }), { purpose: 'transport', port: 9300 });
    const named = (mode: string | undefined) =>
      list(node(mode === undefined ? {} : { 'xpack.security.transport.ssl.verification_mode': mode }, [], [port]));
    expect(['certificate', 'full', undefined].map((mode) => named(mode).certificates[0]?.findings.length)).toEqual([
      0, 1, 1,
    ]);
  });
});

test('CAs that a node trusts are listed, each of a bundle', () => {
  const theirs = facts('theirs', { issuer: 'CN=theirs', notAfter: '2026-08-01T00:00:00.000Z' });
  const bundle = file('remora-cas.pem', { certificates: [authority, theirs], source: 'CA us-remote' });
  const { certificates } = list(node({ [`${CLIENT}.certificate_authorities`]: ['remora-cas.pem'] }, [bundle], []));
  expect(certificates).toMatchObject([
    { purpose: 'remote_cluster_client_ca', subject: 'CN=theirs', served: null, ca: null, managed: false },
    { purpose: 'remote_cluster_client_ca', subject: 'CN=us-remote', served: null, ca: 'us-remote', managed: true },
  ]);
});

test('one of others with which a node signs is replaced by connect, and one of Remora by certs rotate', () => {
  const signer = {
    ...{
      cluster: 'us',
      node: 'us-1',
      alias: 'eu',
      remote: 'eu',
      ca: 'us-remote',
      subject: 'CN=us',
      validityMs: 365 * 86_400_000,
    },
    ...{ p12Secret: 'secret:p12@1', passwordSecret: 'secret:password@1' },
    facts: facts('us', { notAfter: '2026-06-02T20:00:00.000Z' }),
  };
  const placed = file('remora-signing-eu.p12', { source: 'secret:p12@1' });
  const said = (...signers: SigningCertificateRecord[]) =>
    certificateViews({
      nodes: [node({}, [placed], [])],
      records: [],
      signers,
      cas: [ca],
      clusterCas: [],
      now,
    }).certificates[0]?.findings.find((text) => text.startsWith('It ends'));
  expect(said({ ...signer, given: 'id' })).toBe(
    'It ends in 1 day: give another with `remora connect us eu --alias eu --signing-ca us-remote --signing-files DIR` and the other flags of the connection.',
  );
  expect(said(signer)).toBe('It ends in 1 day: `remora certs rotate --due` replaces it.');
});

test('of a node that cannot be looked at there is what is on record, and why', () => {
  const away = { ...node({}, [], []), facts: null, problems: ['Its agent is offline.'] };
  expect(list(away, [record(facts('us-1'))])).toMatchObject({
    certificates: [{ subject: 'CN=us-1', served: null, path: 'remora.p12', managed: true }],
    problems: ['Node us-1 of cluster us: Its agent is offline.'],
  });
});
