import { createPublicKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CertificateAuthority, createCa, selfSignCa } from '../../../../../coordinator/src/pki/ca.ts';
import { issueCertificate } from '../../../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../../../coordinator/src/pki/keys.ts';
import type { SubjectAlternativeNames } from '../../../../../coordinator/src/pki/names/general-names.ts';
import {
  nameConstraintsOf,
  parseSubtree,
  shownSubtree,
  whyForbidden,
} from '../../../../../coordinator/src/pki/names/name-constraints.ts';
import { opensslText, opensslVerify } from '../outside-tools.ts';

const now = new Date();
const permitted = ['DNS:us.example.com', 'IP:10.0.0.0/8', 'IP:2001:db8::/32'].map((text) =>
  parseSubtree(text, '--permit'),
);
const excluded = ['DNS:secret.us.example.com', 'IP:10.66.0.0/16'].map((text) => parseSubtree(text, '--exclude'));
let ca: CertificateAuthority;
/** The same CA by name and key, with a certificate that restricts nothing: what it signs is what somebody would sign who does not look. */
let free: CertificateAuthority;
let keys: KeyPair;

beforeAll(async () => {
  const wish = { validityDays: 30, keyBits: 2048, now } as const;
  [ca, keys] = await Promise.all([
    createCa({ ...wish, commonName: 'held', nameConstraints: { permitted, excluded } }),
    generateRsaKeyPair(2048),
  ]);
  const publicKeyPem = createPublicKey(ca.privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();
  const certificatePem = selfSignCa({ ...wish, commonName: 'held' }, { ...ca, publicKeyPem });
  free = { ...ca, certificatePem };
});

const issue = (by: CertificateAuthority, sans: Partial<SubjectAlternativeNames>, commonName = 'us-1'): string =>
  issueCertificate({
    ca: by,
    publicKeyPem: keys.publicKeyPem,
    subject: { commonName },
    sans: { dns: [], ip: [], ...sans },
    usage: ['server'],
    validityMs: 7 * 86_400_000,
    now,
  }).certificatePem;

test('openssl shows the constraints of a CA as they were given, critical', () => {
  const text = opensslText(ca.certificatePem).replace(/\s+/g, ' ');
  expect(text).toContain('X509v3 Name Constraints: critical Permitted: DNS:us.example.com IP:10.0.0.0/255.0.0.0');
  expect(text).toContain('Excluded: DNS:secret.us.example.com IP:10.66.0.0/255.255.0.0');
  const read = nameConstraintsOf(ca.certificatePem);
  expect(read).toEqual({ permitted, excluded });
  expect(read?.permitted.map(shownSubtree)).toEqual(['DNS:us.example.com', 'IP:10.0.0.0/8', 'IP:2001:db8::/32']);
  expect(nameConstraintsOf(free.certificatePem)).toBeNull();
});

test.each<[string, Partial<SubjectAlternativeNames>]>([
  ['the name itself', { dns: ['us.example.com'] }],
  ['names below it and addresses', { dns: ['us-1.us.example.com', 'US.EXAMPLE.COM'], ip: ['10.1.2.3', '2001:db8::1'] }],
  ['a name beside an excluded one', { dns: ['notsecret.us.example.com'] }],
  ['an otherName, which nothing restricts', { dns: ['a.us.example.com'], otherNames: ['a.node.b.cluster.c.account'] }],
])('issues %s, and openssl agrees', (_, sans) => {
  expect(opensslVerify(ca.certificatePem, issue(ca, sans), 'sslserver')).toBe('leaf.crt: OK');
});

describe('refuses before it signs', () => {
  test.each<[string, Partial<SubjectAlternativeNames>, RegExp]>([
    ['another domain', { dns: ['us-1.example.com'] }, /DNS:us-1\.example\.com is not within what it permits, DNS:us\./],
    ['a name that only ends alike', { dns: ['xus.example.com'] }, /is not within/],
    ['an excluded name', { dns: ['a.secret.us.example.com'] }, /is among what it excludes, DNS:secret\.us/],
    ['another address', { ip: ['192.168.0.1'] }, /IP:192\.168\.0\.1 is not within what it permits, IP:10\.0\.0\.0\/8/],
    ['an excluded address', { ip: ['10.66.3.4'] }, /is among what it excludes, IP:10\.66\.0\.0\/16/],
    ['another IPv6 address', { ip: ['2001:db9::1'] }, /is not within what it permits/],
  ])('%s; openssl refuses a certificate that has it', (_, sans, sentence) => {
    expect(() => issue(ca, sans)).toThrow(sentence);
    expect(opensslVerify(ca.certificatePem, issue(free, sans), 'sslserver')).toMatch(/subtree violation/);
  });

  test('a wildcard that reaches into what is excluded', () => {
    expect(() => issue(ca, { dns: ['*.us.example.com'] })).toThrow(/is among what it excludes, DNS:secret/);
  });

  test('a common name that OpenSSL takes for a host name, where there is no other', () => {
    expect(() => issue(ca, { ip: ['10.0.0.1'] }, 'node.example.org')).toThrow(/DNS:node\.example\.org is not within/);
    expect(issue(ca, { dns: ['a.us.example.com'] }, 'node.example.org')).toContain('BEGIN');
  });

  test('what restricts a kind of name that cannot be judged', () => {
    const constraints = { permitted: [{ kind: 'unknown', tag: 0 }], excluded: [] } as const;
    const judged = { names: [{ kind: 'otherName', value: 'x' }], subject: [] } as const;
    expect(whyForbidden(constraints, judged)).toMatch(/cannot be checked here/);
  });
});

test.each([
  ['us.example.com', /--permit us\.example\.com: it does not begin with DNS: or IP:/],
  ['DNS:*.example.com', /without "\*" and leading dot/],
  ['DNS:.example.com', /without "\*" and leading dot/],
  ['DNS:a b', /not a host name/],
  ['DNS:', /not a host name/],
  ['IP:10.0.0.0/33', /has 32 bits, not 33/],
  ['IP:10.0.0.1/8', /goes on behind its 8 bits/],
  ['IP:ten', /no range of IP addresses/],
  ['email:a@b', /does not begin with/],
])('parseSubtree refuses %s', (text, sentence) => {
  expect(() => parseSubtree(text, '--permit')).toThrow(sentence);
});
