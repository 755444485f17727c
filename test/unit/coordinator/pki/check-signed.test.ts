import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkSigned } from '../../../../coordinator/src/pki/check-signed.ts';
import { generateRsaKeyPair } from '../../../../coordinator/src/pki/keys.ts';
import { generalNames } from '../../../../coordinator/src/pki/names/general-names.ts';
import { signingRequest } from '../../../../coordinator/src/pki/signing-request.ts';
import { openssl, scratch } from './outside-tools.ts';

/** A CA that openssl runs: its key is not RSA, and never here. */
interface Outside {
  readonly pem: string;
  sign(csr: string, more?: readonly string[]): string;
}

/** A little later than what openssl signs meanwhile. */
const now = new Date(Date.now() + 600_000);
const sans = ['DNS:us-1.example.com', 'IP:10.0.0.1', 'otherName:us-1.node.a.cluster.b.account'];
const names = generalNames({
  dns: ['us-1.example.com'],
  ip: ['10.0.0.1'],
  otherNames: ['us-1.node.a.cluster.b.account'],
});
let csr: string;
let ca: Outside;

/** With `by`, an intermediate CA below that one. */
const outsideCa = (
  directory: string,
  name: string,
  by?: string,
  more: readonly string[] = ['-days', '30'],
): Outside => {
  const at = (end: string): string => join(directory, `${name}.${end}`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('key')];
  const signer = by === undefined ? [] : ['-CA', join(directory, `${by}.crt`), '-CAkey', join(directory, `${by}.key`)];
  openssl(['req', '-x509', ...key, '-subj', `/CN=${name}`, ...more, '-out', at('crt'), ...signer]);
  return {
    pem: openssl(['x509', '-in', at('crt')]),
    sign(request, more = ['-copy_extensions', 'copy']) {
      writeFileSync(at('csr'), request);
      const args = ['x509', '-req', '-in', at('csr'), '-CA', at('crt'), '-CAkey', at('key'), '-days', '9', ...more];
      return openssl(args);
    },
  };
};

/** What the CA adds instead of what the request asks for. */
const withExtensions = (directory: string, text: string): string[] => {
  const path = join(directory, 'extensions');
  writeFileSync(path, text);
  return ['-extfile', path];
};

let directory: string;
beforeAll(async () => {
  const keys = await generateRsaKeyPair(2048);
  csr = signingRequest({ keys, subject: { commonName: 'us-1' }, names, usage: ['server', 'client'] });
});

const check = (pem: string, others: readonly string[] = [], caPem = ca.pem, at = now) =>
  checkSigned(pem, others, { name: 'us-1', caName: 'corp', caPem, sans, usage: ['server', 'client'] }, at);

const begin = (): void => {
  directory = scratch();
  ca = outsideCa(directory, 'corp');
};

describe('a request', () => {
  test('is what openssl takes for one, with names and usages', () => {
    const text = openssl(['req', '-noout', '-text', '-verify'], csr);
    for (const part of ['CN = us-1', 'DNS:us-1.example.com, IP Address:10.0.0.1', 'TLS Web Server Authentication'])
      expect(text).toContain(part);
  });
});

describe('a certificate that comes back', () => {
  test('is taken when it is what was asked for', () => {
    begin();
    const signed = check(ca.sign(csr));
    expect(signed.facts.sans).toEqual(sans);
    expect(signed.chainPem).toEqual([ca.pem]);
  });

  test('is taken with the intermediate CA that came with it, and not without', () => {
    begin();
    const below = outsideCa(directory, 'below', 'corp');
    const pem = below.sign(csr);
    expect(check(pem, [pem, below.pem, ca.pem]).chainPem).toEqual([below.pem, ca.pem]);
    expect(() => check(pem)).toThrow(/was issued by "CN=below", not by the CA "corp" \("CN=corp"\)/);
  });

  test('is refused when an issuer has ended or is signed with SHA-1, though the certificate itself has not', () => {
    begin();
    const short = outsideCa(directory, 'short', 'corp', ['-days', '5']);
    const later = new Date(now.getTime() + 6 * 86_400_000);
    expect(() => check(short.sign(csr), [short.pem], ca.pem, later)).toThrow(/its issuer "CN=short" ended at/);
    const weak = outsideCa(directory, 'weak', 'corp', ['-days', '30', '-sha1']);
    expect(() => check(weak.sign(csr), [weak.pem])).toThrow(
      /its issuer "CN=weak" is signed with .*, which counts as broken/,
    );
  });

  test('is refused of another CA, and of one that has the name but another key', () => {
    begin();
    const pem = ca.sign(csr);
    const other = outsideCa(directory, 'other');
    expect(() => check(pem, [], other.pem)).toThrow(/was issued by "CN=corp", not by the CA "corp" \("CN=other"\)/);
    const successor = outsideCa(scratch(), 'corp');
    expect(() => check(pem, [], successor.pem)).toThrow(/key of that CA did not sign it: the CA is another one by now/);
  });

  test.each([
    ['no names', 'extendedKeyUsage=serverAuth,clientAuth', /it does not have DNS:us-1\.example\.com, IP:10\.0\.0\.1/],
    [
      'more names',
      'subjectAltName=DNS:us-1.example.com,IP:10.0.0.1,otherName:2.5.4.3;UTF8:us-1.node.a.cluster.b.account,DNS:more',
      /it has DNS:more, which nobody asked for/,
    ],
    [
      'one usage only',
      'subjectAltName=DNS:us-1.example.com,IP:10.0.0.1,otherName:2.5.4.3;UTF8:us-1.node.a.cluster.b.account\nextendedKeyUsage=serverAuth',
      /may not be used by a client/,
    ],
    [
      'no signatures',
      'subjectAltName=DNS:us-1.example.com,IP:10.0.0.1,otherName:2.5.4.3;UTF8:us-1.node.a.cluster.b.account\nkeyUsage=keyEncipherment',
      /may not make signatures/,
    ],
    ['the rights of a CA', 'basicConstraints=CA:TRUE', /it is the certificate of a CA/],
  ])('with %s is refused', (_, extensions, sentence) => {
    begin();
    expect(() => check(ca.sign(csr, withExtensions(directory, extensions)))).toThrow(sentence);
  });

  test('is refused when it has ended or not begun, or is signed with SHA-1', () => {
    begin();
    const pem = ca.sign(csr);
    const day = 86_400_000;
    expect(() => check(pem, [], ca.pem, new Date(now.getTime() + 10 * day))).toThrow(/it ended at/);
    expect(() => check(pem, [], ca.pem, new Date(now.getTime() - day))).toThrow(/it begins at .* only/);
    const weak = ca.sign(csr, ['-copy_extensions', 'copy', '-sha1']);
    expect(() => check(weak)).toThrow(/which counts as broken/);
  });
});
