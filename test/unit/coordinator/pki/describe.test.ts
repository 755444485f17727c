import { coversAddress } from '@remora/shared/model/certificates/certificate.ts';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CertificateAuthority, createCa } from '../../../../coordinator/src/pki/ca.ts';
import { describeCertificate, parsePemBundle } from '../../../../coordinator/src/pki/describe.ts';
import { fileWith, openssl } from './outside-tools.ts';

let ca: CertificateAuthority;
const now = new Date('2026-03-01T12:00:00.500Z');

beforeAll(async () => {
  ca = await createCa({ commonName: 'signer', organization: 'x', validityDays: 10, keyBits: 2048, now });
});

/** A self-signed certificate of openssl's making, of any kind. */
const foreign = (
  subject: string,
  sans: string,
  key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
): string =>
  openssl([
    'req',
    '-x509',
    ...key,
    '-nodes',
    '-utf8',
    '-keyout',
    '/dev/null',
    '-days',
    '3',
    '-subj',
    subject,
    '-addext',
    `subjectAltName=${sans}`,
  ]);

describe('describeCertificate', () => {
  test('agrees with openssl', () => {
    const facts = describeCertificate(ca.certificatePem);
    const fingerprint = openssl(['x509', '-noout', '-fingerprint', '-sha256'], ca.certificatePem).trim().split('=')[1];
    const serial = openssl(['x509', '-noout', '-serial'], ca.certificatePem).trim().split('=')[1];
    expect(facts).toEqual({
      subject: 'CN=signer,O=x',
      issuer: 'CN=signer,O=x',
      sans: [],
      notBefore: '2026-03-01T11:55:00.000Z',
      notAfter: '2026-03-11T12:00:00.000Z',
      fingerprint256: fingerprint?.replaceAll(':', '').toLowerCase(),
      serial: serial?.toLowerCase(),
      selfSigned: true,
      isCa: true,
    });
    expect(describeCertificate(Buffer.from(ca.certificatePem.replace(/-----.*-----|\n/g, ''), 'base64'))).toEqual(
      facts,
    );
  });

  test('reads names of every kind, escaped as RFC 2253 asks', () => {
    const pem = foreign(
      '/C=DE/O=A, B; "C" = D/OU=u1 \\+ u2/CN=Zoë',
      'DNS:a.example.com,DNS:*.b,IP:10.1.2.3,IP:fe80::1,email:a@b.c,URI:https://x/?a,DNS:tail',
    );
    const facts = describeCertificate(pem);
    const expected = openssl(['x509', '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb'], pem)
      .trim()
      .replace('subject=', '');
    expect(facts.subject).toBe(expected);
    expect(facts.sans).toEqual([
      'DNS:a.example.com',
      'DNS:*.b',
      'IP:10.1.2.3',
      'IP:fe80::1',
      'email:a@b.c',
      'URI:https://x/?a',
      'DNS:tail',
    ]);
  });

  test('is not misled by a name that looks like two', () => {
    const section = '[names]\nDNS.1 = "evil, DNS:worse"\nURI.1 = "http://x/, DNS:worst"\nDNS.2 = good\n';
    const config = `[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=v3\n[dn]\nCN=x\n[v3]\nsubjectAltName=@names\n${section}`;
    const pem = openssl([
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-config',
      fileWith(config),
    ]);
    expect(describeCertificate(pem).sans).toEqual(['DNS:evil, DNS:worse', 'URI:http://x/, DNS:worst', 'DNS:good']);
  });

  test.each(['', 'nonsense', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'refuses %j',
    (text) => {
      expect(() => describeCertificate(text)).toThrow(/is not a certificate that can be read/);
    },
  );
});

describe('parsePemBundle', () => {
  test('finds every certificate between keys, text, CRLF and a BOM', () => {
    const bundle = `\uFEFFsubject=first\r\n${ca.certificatePem.replaceAll('\n', '\r\n')}${ca.privateKeyPem}text\n${ca.certificatePem}`;
    expect(parsePemBundle(bundle)).toEqual([ca.certificatePem, ca.certificatePem]);
  });

  test('says what is wrong, where, and which certificate', () => {
    const damaged = ca.certificatePem.replace(/\n.{20}/, '\n');
    expect(() => parsePemBundle('', 'ca.crt')).toThrow('ca.crt holds no PEM block.');
    expect(() => parsePemBundle('0\u0082\u0003', 'ca.crt')).toThrow('ca.crt holds no PEM block.');
    expect(() => parsePemBundle(ca.privateKeyPem, 'ca.crt')).toThrow('ca.crt holds no certificate, only: PRIVATE KEY.');
    expect(() => parsePemBundle(ca.certificatePem.slice(0, -10), 'ca.crt')).toThrow(
      'ca.crt has a block without its END line: it was cut off.',
    );
    expect(() => parsePemBundle(ca.certificatePem + damaged, 'ca.crt')).toThrow(
      /^Certificate 2 of ca.crt is not a certificate/,
    );
  });

  test('never throws anything but a sentence', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parsePemBundle(text, 'f')).toThrow(/^f (holds|has)|^Certificate/);
      }),
    );
  });
});

describe('coversAddress', () => {
  const sans = ['DNS:us-1.Example.com', 'DNS:*.us.example.com', 'IP:10.0.0.1', 'IP:fe80::1'];
  test.each([
    ['us-1.example.com', true],
    ['US-1.EXAMPLE.COM.', true],
    ['us-2.example.com', false],
    ['a.us.example.com', true],
    ['a.b.us.example.com', false],
    ['us.example.com', false],
    ['.us.example.com', false],
    ['10.0.0.1', true],
    ['10.0.0.10', false],
    ['fe80:0:0::0001', true],
    ['[FE80::1]', true],
    ['fe80::2', false],
    ['::ffff:10.0.0.1', false],
    ['', false],
  ])('%s: %s', (host, covered) => {
    expect(coversAddress({ sans }, host)).toBe(covered);
  });

  test('a name that looks like an address does not cover it', () => {
    expect(coversAddress({ sans: ['DNS:10.0.0.1', 'DNS:*.0.0.1'] }, '10.0.0.1')).toBe(false);
  });
});
