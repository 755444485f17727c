import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SeenCertificate } from '@remora/shared/model/certificates/certificate.ts';
import { afterAll, expect, test } from 'vitest';
import { certificatesIn, publicKeyDigestIn } from '../../../../agent/src/node/certificate-facts.ts';
import type { NodeCertificates } from '../../../../coordinator/src/observe/certificates/observe-certificates.ts';
import type { ConfiguredCertificate } from '../../../../coordinator/src/observe/certificates/ssl-certificates.ts';
import { certificateViews } from '../../../../coordinator/src/services/certificates/certificate-views.ts';

/** Certificates by openssl, as agents see them: what is judged are real keys and signatures. */
const root = mkdtempSync(join(tmpdir(), 'remora-judged-'));
afterAll(() => rmSync(root, { recursive: true }));
const at = (name: string): string => join(root, name);
const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' });

interface Made {
  readonly seen: SeenCertificate;
  readonly file: string;
}
interface Wish {
  readonly by?: string;
  readonly key?: readonly string[];
  readonly digest?: string;
  readonly days?: number;
}

const rsa = (bits: number): string[] => ['-newkey', `rsa:${bits}`];
/** The default, since it costs no time to make. */
const p256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
/** `CN=name` in `file.crt` and `file.key`. */
const make = (file: string, name: string, wish: Wish = {}): Made => {
  const { by, key = p256, digest = 'sha256', days = 365 } = wish;
  const made = ['-nodes', '-subj', `/CN=${name}`, '-keyout', at(`${file}.key`)];
  const out = ['-out', at(`${file}.crt`), '-days', String(days)];
  if (by === undefined) openssl('req', '-x509', ...key, ...made, `-${digest}`, ...out);
  else {
    openssl('req', ...key, ...made, '-out', at(`${file}.csr`));
    writeFileSync(at('ext'), 'subjectAltName=IP:10.0.0.1\nbasicConstraints=CA:TRUE\n');
    const signer = ['-CA', at(`${by}.crt`), '-CAkey', at(`${by}.key`), '-CAcreateserial', '-extfile', at('ext')];
    openssl('x509', '-req', '-in', at(`${file}.csr`), ...signer, `-${digest}`, ...out);
  }
  const [seen] = certificatesIn(readFileSync(at(`${file}.crt`), 'utf8'), true);
  if (!seen) throw new Error(`openssl made no certificate of ${name}`);
  return { seen, file };
};

const ca = make('ca', 'ca', { key: rsa(2048) });
const HTTP = 'xpack.security.http.ssl';

interface Standing {
  /** Whose key stands beside the certificate. */
  readonly key?: string;
  readonly trusted?: readonly Made[];
  readonly configured?: readonly ConfiguredCertificate[];
  readonly values?: Readonly<Record<string, string>>;
}

const pem = (path: string, certificates: readonly SeenCertificate[], digest?: string | null) => ({
  ...{ path, digest: path, source: null, modifiedAtMs: 0, certificates: [...certificates] },
  ...(digest === undefined ? {} : { publicKeyDigest: digest }),
});

/** A node whose HTTP port serves this chain, from a PEM file with a key beside it. */
const node = (chain: readonly Made[], { key, trusted = [], configured = [], values }: Standing): NodeCertificates => {
  const [leaf] = chain.map(({ seen }) => seen);
  const keyText = key === undefined ? undefined : readFileSync(at(`${key}.key`), 'utf8');
  const files = [
    pem('http.crt', leaf ? [leaf] : []),
    pem(
      'cas.crt',
      trusted.map(({ seen }) => seen),
    ),
    ...(keyText === undefined ? [] : [pem('http.key', [], publicKeyDigestIn(keyText))]),
  ];
  const named = { [`${HTTP}.certificate`]: 'http.crt', [`${HTTP}.key`]: 'http.key' };
  const served = { purpose: 'http' as const, hosts: ['10.0.0.1'], port: 9200, error: '' };
  return {
    ...{ cluster: 'us', node: 'us-1', problems: [], configured },
    served: leaf ? [{ ...served, chain: chain.map(({ seen }) => seen) }] : [],
    facts: {
      ...{ configDir: '/etc/elasticsearch', files },
      settingsFile: {
        ...{ path: '', digest: null, modifiedAtMs: null, refusal: null },
        values: values ?? { ...named, [`${HTTP}.certificate_authorities`]: ['cas.crt'] },
      },
    },
  };
};

const judged = (chain: readonly Made[], standing: Standing = { trusted: [ca] }, now = new Date()) => {
  const nodes = [node(chain, standing)];
  return certificateViews({ nodes, records: [], signers: [], cas: [], clusterCas: [], now }).certificates;
};
const first = (...args: Parameters<typeof judged>) => judged(...args).find(({ purpose }) => purpose === 'http');

test('a certificate whose chain leads to a CA that is trusted, with its own key, has nothing to say', () => {
  const between = make('between', 'between', { by: 'ca' });
  const leaf = make('leaf', 'leaf', { by: 'between' });
  expect(first([leaf, between], { key: 'leaf', trusted: [ca] })).toMatchObject({
    ...{ key: 'EC prime256v1', signature: 'ecdsa-with-SHA256', keyMatches: true, findings: [] },
    chain: ['CN=between'],
  });
  expect(first([leaf])?.findings).toEqual([expect.stringMatching(/^No CA CN=between is known here/)]);
});

test.each([
  ['a short RSA key', { key: rsa(1024) }, 'It is weak: RSA 1024 is too short.'],
  [
    'a small curve',
    { key: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime192v1'] },
    'It is weak: EC prime192v1 is too small a curve.',
  ],
  ['a signature with SHA-1', { digest: 'sha1' }, 'It is weak: it is signed with sha1WithRSAEncryption.'],
  ['a signature with MD5', { digest: 'md5' }, 'It is weak: it is signed with md5WithRSAEncryption.'],
])('%s is weak', (_, wish, finding) => {
  const leaf = make('weak', 'weak', { by: 'ca', ...wish });
  expect(first([leaf])?.findings).toEqual([`${finding} Have one made with RSA 3072 and SHA-256.`]);
});

test('a P-256 key is not, nor is the signature of a root by itself: nobody checks that', () => {
  expect(first([make('p256', 'p256', { by: 'ca' })])).toMatchObject({ key: 'EC prime256v1', findings: [] });
  const old = make('old', 'old', { digest: 'sha1' });
  expect(
    judged([make('by-old', 'by-old', { by: 'old' }), old], { trusted: [old] }).flatMap((one) => one.findings),
  ).toEqual([]);
});

test('the key of another certificate beside it is told before the node is restarted with it', () => {
  const [leaf, other] = [make('mine', 'mine', { by: 'ca' }), make('other', 'other', { by: 'ca' })];
  expect(first([leaf], { key: other.file, trusted: [ca] })).toMatchObject({
    ...{ keyMatches: false, level: 'critical' },
    findings: [expect.stringMatching(/^The key beside it is that of another certificate/)],
  });
});

test('a CA of the same name with another key did not sign it', () => {
  const leaf = make('named', 'named', { by: 'ca' });
  const namesake = make('namesake', 'ca');
  expect(first([leaf], { trusted: [namesake] })?.findings).toEqual([
    'The CA CN=ca that is trusted here has another key than the one that signed it: one of the two is a namesake. Place the right one.',
  ]);
  expect(first([leaf, namesake], { trusted: [ca] })?.findings).toEqual([
    'CN=named is not signed by what is served after it: put the chain into the file in order.',
  ]);
});

test('a CA that has ended ends what it signed', () => {
  const short = make('short', 'short', { days: 1 });
  const leaf = make('outlives', 'outlives', { by: 'short' });
  const later = new Date(Date.now() + 2 * 86_400_000);
  expect(first([leaf], { trusted: [short] }, later)?.findings).toEqual([
    `Its CA CN=short ended at ${short.seen.notAfter}: nothing trusts what it signed any more.`,
  ]);
});

test('a truststore shows its CAs by what Elasticsearch tells of them, whole where they were seen elsewhere', () => {
  const entry = (of: SeenCertificate, alias: string, hasPrivateKey: boolean): ConfiguredCertificate => ({
    ...{ path: '/etc/elasticsearch/certs/transport.p12', alias, hasPrivateKey },
    ...{ subject: of.subject, issuer: of.issuer, serial: of.serial.replace(/^0+/, ''), notAfter: of.notAfter },
  });
  const unseen = { ...ca.seen, subject: 'CN=theirs, O=elsewhere', serial: 'abc' };
  const leaf = make('stored', 'stored', { by: 'ca' });
  const configured = [
    ...[entry(leaf.seen, 'node', true), entry(ca.seen, 'node', false)],
    ...[entry(ca.seen, 'ca', false), entry(unseen, 'theirs', false)],
  ];
  const values = { 'xpack.security.transport.ssl.truststore.path': 'certs/transport.p12' };
  const rows = judged([], { configured, trusted: [ca], values });
  const { der: _, ...known } = ca.seen;
  expect(rows).toMatchObject([
    { ...known, purpose: 'transport_ca', path: 'certs/transport.p12', served: null, findings: [] },
    { subject: 'CN=theirs,O=elsewhere', fingerprint256: null, notBefore: null, serial: 'abc', findings: [] },
  ]);
  expect(rows).toHaveLength(2);
});
