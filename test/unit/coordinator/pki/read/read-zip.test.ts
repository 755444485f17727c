import { beforeAll, describe, expect, test } from 'vitest';
import { type CertificateAuthority, createCa } from '../../../../../coordinator/src/pki/ca.ts';
import { toPkcs12 } from '../../../../../coordinator/src/pki/pkcs12/pkcs12.ts';
import { readCa } from '../../../../../coordinator/src/pki/read/read-ca.ts';
import { zipOf } from '../../../../support/zip-file.ts';

const now = new Date();
let ca: CertificateAuthority;
let other: CertificateAuthority;
let p12: Buffer;

beforeAll(async () => {
  const wish = { validityDays: 30, keyBits: 2048, now } as const;
  [ca, other] = await Promise.all([
    createCa({ ...wish, commonName: 'Elastic CA' }),
    createCa({ ...wish, commonName: 'b' }),
  ]);
  p12 = toPkcs12({ ...ca, chainPem: [], password: 'abcd', friendlyName: 'ca' });
});

const read = (file: Buffer, passphrase: string | null = null, key: Buffer | null = null) =>
  readCa({ certificate: file, key, passphrase }, now);

describe('the zip file of elasticsearch-certutil', () => {
  test('gives a CA in PEM with its key, or without', async () => {
    const whole = zipOf({ 'ca/': '', 'ca/ca.crt': ca.certificatePem, 'ca/ca.key': ca.privateKeyPem });
    expect(await read(whole)).toMatchObject({ ...ca, facts: { subject: 'CN=Elastic CA' } });
    expect((await read(zipOf({ 'ca.crt': ca.certificatePem }))).privateKeyPem).toBeNull();
  });

  test('gives a CA in PKCS#12 among the files of nodes', async () => {
    const file = zipOf({ 'node1/node1.p12': 'not looked at', 'ca/ca.p12': p12 });
    expect((await read(file, 'abcd')).certificatePem).toBe(ca.certificatePem);
    await expect(read(file)).rejects.toThrow(/with a passphrase/);
  });

  test.each<[string, () => Buffer, RegExp]>([
    ['without a CA', () => zipOf({ 'a.txt': 'a' }), /neither ca\/ca\.crt nor ca\/ca\.p12/],
    ['with several', () => zipOf({ 'ca.crt': 'a', 'ca/ca.crt': 'b' }), /holds several CAs/],
    [
      'with a key of another CA',
      () => zipOf({ 'ca/ca.crt': ca.certificatePem, 'ca/ca.key': other.privateKeyPem }),
      /The key is not the one of "CN=Elastic CA"/,
    ],
    ['with a file that is far too large', () => zipOf({ 'ca/ca.crt': '0'.repeat(10_000_000) }), /of 10000000 bytes/],
    ['with paths that lead out of it', () => zipOf({ '../ca/ca.crt': 'a' }), /no zip file that can be read/],
    [
      'with more in it than it says',
      () => {
        const file = zipOf({ 'ca/ca.crt': '0'.repeat(1000) });
        // The size in the central directory, 24 bytes behind its signature.
        file.writeUInt32LE(10, file.indexOf('PK\x01\x02') + 24);
        return file;
      },
      /no zip file that can be read/,
    ],
    ['that was cut off', () => zipOf({ 'ca/ca.crt': ca.certificatePem }).subarray(0, -30), /no zip file that can be/],
  ])('%s is refused', async (_, file, sentence) => {
    await expect(read(file())).rejects.toThrow(sentence);
  });

  test('with a key beside it is refused', async () => {
    const file = zipOf({ 'ca/ca.crt': ca.certificatePem });
    await expect(read(file, null, Buffer.from(ca.privateKeyPem))).rejects.toThrow(/brings its own key/);
  });
});
