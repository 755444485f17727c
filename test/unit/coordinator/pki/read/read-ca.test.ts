import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPkcs12 } from '@remora/shared/pkcs12-header.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { keyMatches } from '../../../../../coordinator/src/pki/ca.ts';
import { type CaFiles, type ReadCa, readCa } from '../../../../../coordinator/src/pki/read/read-ca.ts';
import { keytools, openssl, scratch } from '../outside-tools.ts';

const PASSPHRASE = 'of the CA';

interface Made {
  readonly directory: string;
  readonly cert: string;
  readonly key: string;
}

/** A CA as an operator makes it with openssl; its key is not encrypted. */
const made = (...flags: readonly string[]): Made => madeIn(scratch(), flags);

/** Two that are good, made once. */
let theirs: Made;
let others: Made;
beforeAll(() => {
  const directory = mkdtempSync(join(tmpdir(), 'remora-test-'));
  [theirs, others] = ['theirs', 'others'].map((name) => {
    mkdirSync(join(directory, name));
    return madeIn(join(directory, name), []);
  }) as [Made, Made];
  return () => rmSync(directory, { recursive: true, force: true });
});

/** The first of them, with a directory of the test's own for what is made of it. */
const good = (): Made => ({ ...theirs, directory: scratch() });

const madeIn = (directory: string, flags: readonly string[]): Made => {
  const [cert, key] = [join(directory, 'ca.crt'), join(directory, 'ca.key')];
  const wanted = flags.length > 0 ? flags : ['-newkey', 'rsa:2048', '-days', '30'];
  openssl(['req', '-x509', '-noenc', '-subj', '/O=Söhne/CN=theirs', '-utf8', '-keyout', key, '-out', cert, ...wanted]);
  return { directory, cert, key };
};

/** A file that openssl makes of the CA's key, or of both. */
const converted = ({ directory }: Made, name: string, args: readonly string[]): Buffer => {
  const path = join(directory, name);
  openssl([...args, '-out', path]);
  return readFileSync(path);
};

const files = (certificate: string | Buffer, key: string | Buffer | null = null, passphrase: string | null = null) => ({
  certificate: typeof certificate === 'string' ? readFileSync(certificate) : certificate,
  key: typeof key === 'string' ? readFileSync(key) : key,
  passphrase,
});
const read = (from: CaFiles): Promise<ReadCa> => readCa(from, new Date());

const withKey = async (from: CaFiles): Promise<void> => {
  const ca = await read(from);
  expect(ca.facts).toMatchObject({ subject: 'CN=theirs,O=Söhne', isCa: true });
  expect(keyMatches(ca.certificatePem, ca.privateKeyPem ?? '')).toBe(true);
};

describe('a CA with its key', () => {
  test.each<[string, readonly string[]]>([
    ['as it is', ['pkey']],
    ['PKCS#1', ['rsa', '-traditional']],
    ['encrypted, PBES2 with AES-256', ['pkcs8', '-topk8', '-v2', 'aes-256-cbc']],
    ['encrypted, PBES2 by scrypt', ['pkcs8', '-topk8', '-scrypt']],
    ['encrypted, PBES1 with 3DES', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-3DES']],
    ['encrypted, PKCS#1', ['rsa', '-traditional', '-aes256']],
  ])('in PEM: %s', async (how, [command = '', ...args]) => {
    const ca = good();
    const out = how.startsWith('encrypted') ? ['-passout', `pass:${PASSPHRASE}`] : [];
    const key = converted(ca, 'converted.key', [command, '-in', ca.key, ...args, ...out]);
    await withKey(files(ca.cert, key, out.length > 0 ? PASSPHRASE : null));
  });

  test('in DER', async () => {
    const ca = good();
    const cert = converted(ca, 'ca.der', ['x509', '-in', ca.cert, '-outform', 'der']);
    const key = converted(ca, 'key.der', ['pkcs8', '-topk8', '-nocrypt', '-in', ca.key, '-outform', 'der']);
    await withKey(files(cert, key));
  });

  test('in one PEM file, behind other certificates', async () => {
    const [ca, other] = [good(), others];
    await withKey(files(Buffer.concat([other.cert, ca.cert, ca.key].map((path) => readFileSync(path)))));
  });

  test.each<[string, readonly string[]]>([
    ['with AES-256', []],
    ['with 3DES, as older tools make it', ['-certpbe', 'PBE-SHA1-3DES', '-keypbe', 'PBE-SHA1-3DES', '-macalg', 'sha1']],
    ['with a key that is not encrypted', ['-keypbe', 'NONE', '-certpbe', 'NONE']],
  ])('in PKCS#12: %s', async (_, flags) => {
    const ca = good();
    const args = ['pkcs12', '-export', '-in', ca.cert, '-inkey', ca.key, '-passout', `pass:${PASSPHRASE}`, ...flags];
    const file = converted(ca, 'ca.p12', args);
    expect(isPkcs12(file)).toBe(true);
    await withKey(files(file, null, PASSPHRASE));
  });

  test.each(keytools())('in PKCS#12 by %s', async (keytool) => {
    const path = join(scratch(), 'ca.p12');
    const store = ['-keystore', path, '-storetype', 'PKCS12', '-storepass', PASSPHRASE, '-alias', 'ca'];
    const ca = ['-keyalg', 'RSA', '-keysize', '2048', '-dname', 'CN=theirs, O=Söhne', '-ext', 'bc=ca:true'];
    execFileSync(keytool, ['-genkeypair', ...store, ...ca, '-J-Dfile.encoding=UTF-8', '-J-Dsun.jnu.encoding=UTF-8'], {
      stdio: 'ignore',
    });
    const { facts, certificatePem, privateKeyPem } = await read(files(path, null, PASSPHRASE));
    expect(facts.subject).toMatch(/^CN=theirs,O=/);
    expect(keyMatches(certificatePem, privateKeyPem ?? '')).toBe(true);
  });
});

test('a CA without its key is only trusted, of any kind of key', async () => {
  for (const flags of [[], ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']]) {
    const { certificatePem, privateKeyPem, facts } = await read(files(made(...flags).cert));
    expect(privateKeyPem).toBeNull();
    expect(certificatePem).toMatch(/^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$/);
    expect(facts.isCa).toBe(true);
  }
});

describe('is refused, with what is wrong', () => {
  const p12 = (ca: Made, ...flags: readonly string[]): Buffer =>
    converted(ca, 'ca.p12', ['pkcs12', '-export', '-passout', `pass:${PASSPHRASE}`, ...flags]);
  const both = (ca: Made): readonly string[] => ['-in', ca.cert, '-inkey', ca.key];
  const encrypted = (ca: Made): Buffer =>
    converted(ca, 'encrypted.key', ['pkcs8', '-topk8', '-in', ca.key, '-passout', `pass:${PASSPHRASE}`]);

  test.each<[string, (ca: Made) => CaFiles, RegExp]>([
    ['another passphrase', (ca) => files(ca.cert, encrypted(ca), 'wrong'), /key cannot be read with this passphrase/],
    ['no passphrase', (ca) => files(ca.cert, encrypted(ca)), /^The CA's key is encrypted\.$/],
    ['PKCS#12, another passphrase', (ca) => files(p12(ca, ...both(ca)), null, 'wrong'), /passphrase is another one/],
    ['PKCS#12, no passphrase', (ca) => files(p12(ca, ...both(ca))), /is a PKCS#12 file with a passphrase/],
    ['PKCS#12 and a key', (ca) => files(p12(ca, ...both(ca)), ca.key, PASSPHRASE), /brings its own key/],
    [
      'PKCS#12 without a key',
      (ca) => files(p12(ca, '-nokeys', '-in', ca.cert), null, PASSPHRASE),
      /The PKCS#12 file holds no private key/,
    ],
    ['PKCS#12, cut off', (ca) => files(p12(ca, ...both(ca)).subarray(0, 900), null, PASSPHRASE), /no PKCS#12 file/],
    [
      'a key whose passphrase is hashed too often',
      (ca) =>
        files(
          ca.cert,
          converted(ca, 'slow.key', [
            'pkcs8',
            '-topk8',
            '-in',
            ca.key,
            '-iter',
            '2000001',
            '-passout',
            `pass:${PASSPHRASE}`,
          ]),
          PASSPHRASE,
        ),
      /is hashed 2000001 times: that takes too long/,
    ],
    ['the key of another', (ca) => files(ca.cert, others.key), /^The key is not the one of "CN=theirs,O=Söhne"\.$/],
    [
      'a public key',
      (ca) => files(ca.cert, Buffer.from(openssl(['pkey', '-in', ca.key, '-pubout']))),
      /no private key/,
    ],
    ['a certificate as key', (ca) => files(ca.cert, ca.cert), /The key file holds no private key/],
    [
      'two certificates, no key',
      (ca) => files(Buffer.concat([readFileSync(ca.cert), readFileSync(others.cert)])),
      /holds 2/,
    ],
    ['garbage', () => files(Buffer.from('not a certificate')), /neither PEM nor DER nor PKCS#12/],
    ['an empty file', () => files(Buffer.alloc(0)), /neither PEM nor DER nor PKCS#12/],
    ['PEM that was cut off', (ca) => files(readFileSync(ca.cert).subarray(0, 500)), /was cut off/],
    [
      'PEM with garbage in it',
      (ca) => files(Buffer.from(readFileSync(ca.cert, 'utf8').replace(/\nMII[^\n]*\n/, '\nMIIA\n'))),
      /is not a certificate that can be read/,
    ],
    [
      'the certificate of a server',
      () => files(made('-newkey', 'rsa:2048', '-addext', 'basicConstraints=critical,CA:FALSE').cert),
      /is not the certificate of a CA/,
    ],
    [
      'a CA that may not sign certificates',
      () => files(made('-newkey', 'rsa:2048', '-addext', 'keyUsage=digitalSignature').cert),
      /is not the certificate of a CA/,
    ],
    ['a short key', () => files(made('-newkey', 'rsa:1024').cert), /has a key of 1024 bits/],
    [
      'SHA-1',
      () => files(made('-newkey', 'rsa:2048', '-sha1').cert),
      /is signed with \S*sha1\S*, which counts as broken/i,
    ],
    [
      'a key that is not RSA',
      (_, ca = made('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256')) => files(ca.cert, ca.key),
      /is of type ec; only RSA keys are supported/,
    ],
  ])('%s', async (_, given, sentence) => {
    await expect(read(given(good()))).rejects.toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(sentence) }),
    );
  });

  test.each([
    ['one that has ended', 31, /^"CN=theirs,O=Söhne" ended at \d{4}-/],
    ['one that has not begun', -1, /^"CN=theirs,O=Söhne" begins at \d{4}-.* only\.$/],
  ])('%s', async (_, days, sentence) => {
    const then = new Date(Date.now() + days * 86_400_000);
    await expect(readCa(files(good().cert), then)).rejects.toThrow(sentence);
  });

  test('a PKCS#12 file that would take very long to open', async () => {
    const ca = good();
    const file = p12(ca, ...both(ca), '-iter', String(0x10000));
    // All counts of iterations, in DER: an INTEGER of three bytes.
    const [counted, endless] = ['\x02\x03\x01\x00\x00', '\x02\x03\x7f\xff\xff'];
    const text = file.toString('latin1');
    expect(text).toContain(counted);
    const slow = Buffer.from(text.replaceAll(counted, endless), 'latin1');
    await expect(read(files(slow, null, PASSPHRASE))).rejects.toThrow(/could not be read in 10 s/);
  });
});
