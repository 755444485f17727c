import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CertificateAuthority, createCa } from '../../../../../coordinator/src/pki/ca.ts';
import { issueCertificate } from '../../../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../../../coordinator/src/pki/keys.ts';
import { fromPemKey, toPemKey, toPemPair } from '../../../../../coordinator/src/pki/pem-pair.ts';
import { toPkcs12 } from '../../../../../coordinator/src/pki/pkcs12/pkcs12.ts';
import { type GivenFiles, readGiven } from '../../../../../coordinator/src/pki/read/read-given.ts';
import type { CertificateUsage } from '../../../../../coordinator/src/pki/usages.ts';
import { openssl, scratch } from '../outside-tools.ts';

const now = new Date();
const DAY_MS = 86_400_000;
const password = 'correct-horse';
let ca: CertificateAuthority;
let keys: KeyPair;
let certificatePem: string;

const issue = (usage: readonly CertificateUsage[]): string =>
  issueCertificate({
    ...{ ca, publicKeyPem: keys.publicKeyPem, subject: { commonName: 'us-1' }, usage, now },
    ...{ sans: { dns: ['us-1'], ip: ['10.0.0.1'] }, validityMs: 7 * DAY_MS },
  }).certificatePem;

beforeAll(async () => {
  ca = await createCa({ commonName: 'corp', validityDays: 30, keyBits: 2048, now });
  keys = await generateRsaKeyPair(2048);
  certificatePem = issue(['server', 'client']);
});

const given = (more: Partial<GivenFiles> = {}): GivenFiles => ({
  ...{ name: 'us-1', certificate: Buffer.from(certificatePem), key: Buffer.from(keys.privateKeyPem), passphrase: null },
  ...more,
});

const read = (files: GivenFiles, at = now, caPem = ca.certificatePem) =>
  readGiven(files, { caName: 'corporate', caPem, usage: ['server', 'client'] }, at);

describe('a certificate that was made elsewhere', () => {
  test('is read with its key, as PEM, encrypted or not, and as PKCS#12', async () => {
    const p12 = toPkcs12({
      ...{ certificatePem, chainPem: [ca.certificatePem], privateKeyPem: keys.privateKeyPem },
      ...{ password, friendlyName: 'us-1' },
    });
    const forms = [
      given(),
      given({ key: Buffer.from(toPemKey(keys.privateKeyPem, password)), passphrase: password }),
      given({ certificate: p12, key: null, passphrase: password }),
    ];
    for (const form of forms)
      expect(await read(form)).toMatchObject({
        ...{ certificatePem, chainPem: [ca.certificatePem], privateKeyPem: keys.privateKeyPem },
        facts: { sans: ['DNS:us-1', 'IP:10.0.0.1'] },
      });
  });

  test('with a key on a curve, below an intermediate CA, whatever order they stand in', async () => {
    const directory = scratch();
    const at = (name: string): string => join(directory, name);
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '5'];
    const make = (name: string, more: readonly string[]): string => {
      openssl([
        'req',
        '-x509',
        ...curve,
        '-subj',
        `/CN=${name}`,
        '-keyout',
        at(`${name}.key`),
        '-out',
        at(`${name}.crt`),
        ...more,
      ]);
      return openssl(['x509', '-in', at(`${name}.crt`)]);
    };
    const signedBy = (name: string): string[] => ['-CA', at(`${name}.crt`), '-CAkey', at(`${name}.key`)];
    const root = make('root', []);
    const below = make('below', signedBy('root'));
    const names = ['-addext', 'subjectAltName=DNS:us-1', '-addext', 'basicConstraints=critical,CA:FALSE'];
    const leaf = make('leaf', [...signedBy('below'), ...names]);
    const key = openssl(['pkey', '-in', at('leaf.key')]);
    const files = given({ certificate: Buffer.from(`${root}${below}${leaf}`), key: Buffer.from(key) });
    const at10 = new Date(Date.now() + 600_000);
    const found = await read(files, at10, root);
    expect([found.certificatePem, ...found.chainPem]).toEqual([leaf, below, root]);
    expect(fromPemKey(toPemPair({ ...found, passphrase: password }).key, password)).toBe(key);
    await expect(read({ ...files, certificate: Buffer.from(leaf) }, at10, root)).rejects.toThrow(
      /was issued by "CN=below", not by the CA "corporate" \("CN=root"\) that was named, nor by a CA in its file/,
    );
  });

  test.each<[string, () => Promise<GivenFiles> | GivenFiles, RegExp, number?]>([
    [
      'a key of another certificate',
      async () => given({ key: Buffer.from((await generateRsaKeyPair(2048)).privateKeyPem) }),
      /^The key for us-1 is not the one of its certificate "CN=us-1"/,
    ],
    ['no key', () => given({ key: null }), /^The certificate for us-1 has no key beside it/],
    [
      'a certificate in the place of the key',
      () => given({ key: Buffer.from(certificatePem) }),
      /^The key file for us-1 holds no private key/,
    ],
    [
      'no certificate',
      () => given({ certificate: Buffer.from(keys.privateKeyPem) }),
      /^The certificate file for us-1 holds no certificate/,
    ],
    [
      'an encrypted key without its passphrase',
      () => given({ key: Buffer.from(toPemKey(keys.privateKeyPem, password)) }),
      /^The key for us-1 is encrypted/,
    ],
    [
      'another passphrase',
      () => given({ key: Buffer.from(toPemKey(keys.privateKeyPem, password)), passphrase: 'other' }),
      /^The key for us-1 cannot be read with this passphrase/,
    ],
    [
      'a usage too few',
      () => given({ certificate: Buffer.from(issue(['server'])) }),
      /^The certificate for us-1 is not taken: it may not be used by a client/,
    ],
    ['an end that is past', () => given(), /^The certificate for us-1 is not taken: it ended at/, 8],
    ['a beginning that is to come', () => given(), /^The certificate for us-1 is not taken: it begins at .* only/, -1],
    [
      'the certificate of a CA',
      () => given({ certificate: Buffer.from(ca.certificatePem), key: Buffer.from(ca.privateKeyPem) }),
      /^The certificate for us-1 is not taken: it is the certificate of a CA/,
    ],
  ])('is refused with %s', async (_, files, sentence, days = 0) => {
    await expect(read(await files(), new Date(now.getTime() + days * DAY_MS))).rejects.toThrow(sentence);
  });

  test('no sentence quotes a key', async () => {
    const broken = keys.privateKeyPem.split('\n').toSpliced(10, 1).join('\n');
    const error = await read(given({ key: Buffer.from(broken) })).catch(String);
    expect(error).toContain('The key for us-1 cannot be read');
    for (const line of keys.privateKeyPem.split('\n').slice(1, -2)) expect(error).not.toContain(line);
  });
});
