import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type IssuedPurpose, issuedPurposes } from '@remora/shared/model/certificates/issued-purpose.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CertificateAuthority, createCa } from '../../../../coordinator/src/pki/ca.ts';
import { describeCertificate } from '../../../../coordinator/src/pki/describe.ts';
import { issueCertificate } from '../../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../../coordinator/src/pki/keys.ts';
import { toPemPair } from '../../../../coordinator/src/pki/pem-pair.ts';
import { type Pkcs12Encryption, toPkcs12 } from '../../../../coordinator/src/pki/pkcs12/pkcs12.ts';
import { usagesOf } from '../../../../coordinator/src/pki/usages.ts';
import {
  fileWith,
  keytoolList,
  keytoolPrint,
  keytools,
  openssl,
  opensslText,
  opensslVerify,
  scratch,
} from './outside-tools.ts';

/** Every file that Remora makes for a node, read by openssl and by each JDK of this machine: they agree on fingerprint, names, chain and usages. */
const now = new Date();
const password = 'correct-horse';
const cloudName = 'us-1.node.abcd.cluster.1053.account';
let ca: CertificateAuthority;
let keys: KeyPair;
const issued = new Map<IssuedPurpose, string>();

beforeAll(async () => {
  const wish = { commonName: 'us', organization: 'Söhne', validityDays: 30, keyBits: 3072, now } as const;
  [ca, keys] = await Promise.all([createCa(wish), generateRsaKeyPair(2048)]);
  for (const purpose of issuedPurposes) {
    const sans = { dns: ['us-1', '*.us.example.com'], ip: ['10.0.0.1', '2001:db8::1'], otherNames: [cloudName] };
    const signed = issueCertificate({
      ca,
      publicKeyPem: keys.publicKeyPem,
      subject: { commonName: cloudName },
      sans,
      usage: usagesOf[purpose],
      validityMs: 7 * 86_400_000,
      now,
    });
    issued.set(purpose, signed.certificatePem);
  }
});

const certificateOf = (purpose: IssuedPurpose): string => issued.get(purpose) ?? '';
const fingerprint = (purpose: IssuedPurpose): string => describeCertificate(certificateOf(purpose)).fingerprint256;

/** What each purpose is good for, as openssl and keytool call it. */
const roles: Readonly<Record<IssuedPurpose, readonly ('server' | 'client')[]>> = {
  remote_cluster_server: ['server'],
  transport: ['server', 'client'],
  http: ['server'],
  remote_signing: ['client'],
};

const encryptions: readonly Pkcs12Encryption[] = ['aes256', 'legacy'];
const pkcs12File = (purpose: IssuedPurpose, encryption: Pkcs12Encryption): string => {
  const path = join(scratch(), `${purpose}.p12`);
  const content = { certificatePem: certificateOf(purpose), chainPem: [ca.certificatePem], ...keys };
  writeFileSync(path, toPkcs12({ ...content, password, friendlyName: 'us-1', encryption }));
  return path;
};

const publicKeyOf = (pem: string, more: readonly string[] = []): string => openssl(['pkey', '-pubout', ...more], pem);

describe.each(issuedPurposes)('%s', (purpose) => {
  test('openssl verifies it for what it is for, and for nothing else', () => {
    for (const role of ['server', 'client'] as const) {
      const verdict = opensslVerify(ca.certificatePem, certificateOf(purpose), `ssl${role}`);
      if (roles[purpose].includes(role)) expect(verdict).toBe('leaf.crt: OK');
      else expect(verdict).toMatch(/unsuitable certificate purpose/);
    }
  });

  test('openssl shows its names, the other name of type 2.5.4.3 among them', () => {
    const text = opensslText(certificateOf(purpose));
    expect(text).toContain('DNS:us-1, DNS:*.us.example.com, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1');
    expect(describeCertificate(certificateOf(purpose)).sans).toEqual([
      ...['DNS:us-1', 'DNS:*.us.example.com', 'IP:10.0.0.1', 'IP:2001:db8::1', `otherName:${cloudName}`],
    ]);
    const der = openssl(['asn1parse'], certificateOf(purpose));
    const [, san = ''] = /Subject Alternative Name\s+\d+:.*OCTET STRING\s+\[HEX DUMP\]:([0-9A-F]+)/.exec(der) ?? [];
    // otherName [0] { 2.5.4.3, [0] UTF8String }
    const value = Buffer.from(cloudName).toString('hex');
    const length = (bytes: number): string => bytes.toString(16).padStart(2, '0');
    const text8 = `0c${length(cloudName.length)}${value}`;
    const wrapped = `a0${length(cloudName.length + 2)}${text8}`;
    const other = `a0${length(cloudName.length + 9)}0603550403${wrapped}`;
    expect(san.toLowerCase()).toContain(other);
  });

  test.each(encryptions)('openssl reads its PKCS#12 file, %s', (encryption) => {
    const legacy = encryption === 'legacy' ? ['-legacy'] : [];
    const args = ['pkcs12', '-in', pkcs12File(purpose, encryption), '-passin', `pass:${password}`, ...legacy];
    const all = openssl([...args, '-nodes']);
    expect(all).toContain(certificateOf(purpose).trim());
    expect(all).toContain(ca.certificatePem.trim());
    expect(publicKeyOf(all)).toBe(keys.publicKeyPem);
  });

  test('openssl reads its PEM pair, with and without a passphrase', () => {
    const content = { certificatePem: certificateOf(purpose), chainPem: [ca.certificatePem], ...keys };
    const plain = toPemPair({ ...content, passphrase: null });
    const locked = toPemPair({ ...content, passphrase: password });
    expect(plain.certificate).toBe(certificateOf(purpose) + ca.certificatePem);
    expect(publicKeyOf(plain.key)).toBe(keys.publicKeyPem);
    expect(locked.key).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    expect(publicKeyOf(locked.key, ['-passin', `pass:${password}`])).toBe(keys.publicKeyPem);
    expect(openssl(['asn1parse'], locked.key)).toMatch(/PBES2.*PBKDF2.*aes-256-cbc/s);
  });

  test('a PEM pair of another key is refused', async () => {
    const { privateKeyPem } = await generateRsaKeyPair(2048);
    const pair = { certificatePem: certificateOf(purpose), chainPem: [], privateKeyPem, passphrase: null };
    expect(() => toPemPair(pair)).toThrow(/not the one of the certificate/);
  });
});

const jdks = keytools();
if (jdks.length === 0) console.warn('SKIPPED: no JDK in /usr/lib/jvm, so no keytool read the files');

/** What keytool says of the first certificate of a text. */
const seen = (text: string) => {
  const one = text.split(/Certificate\[2\]/)[0] ?? '';
  const [, sha256 = ''] = /SHA256: ([0-9A-F:]+)/.exec(one) ?? [];
  return {
    fingerprint256: sha256.replaceAll(':', '').toLowerCase(),
    usages: ['server', 'client'].filter((role) => one.includes(`${role}Auth`)),
    names: [...one.matchAll(/(DNSName|IPAddress): (\S+)/g)].map(([, , name]) => name),
  };
};

const expected = (purpose: IssuedPurpose) => ({
  fingerprint256: fingerprint(purpose),
  usages: roles[purpose],
  names: ['us-1', '*.us.example.com', '10.0.0.1', '2001:db8:0:0:0:0:0:1'],
});

describe.skipIf(jdks.length === 0).each(jdks)('%s agrees', (keytool) => {
  test.each(encryptions)(
    'on the PKCS#12 files, %s',
    (encryption) => {
      for (const purpose of issuedPurposes) {
        const text = keytoolList(keytool, pkcs12File(purpose, encryption), password);
        expect(text).toContain('Entry type: PrivateKeyEntry');
        expect(text).toContain('Certificate chain length: 2');
        expect(seen(text)).toEqual(expected(purpose));
      }
    },
    120_000,
  );

  test('on the certificates in PEM', () => {
    const text = keytoolPrint(keytool, fileWith([...issued.values(), ca.certificatePem].join('')));
    const certificates = text.split(/^Certificate\[\d+\]:$/m).slice(1);
    expect(certificates.slice(0, -1).map(seen)).toEqual(issuedPurposes.map(expected));
  });
});
