import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { createCa } from '../../../../../coordinator/src/pki/ca.ts';
import { describeCertificate } from '../../../../../coordinator/src/pki/describe.ts';
import { issueCertificate } from '../../../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair } from '../../../../../coordinator/src/pki/keys.ts';
import { newPassword, type Pkcs12Content, toPkcs12 } from '../../../../../coordinator/src/pki/pkcs12/pkcs12.ts';
import { keytoolList, keytools, openssl, opensslNotes, scratch } from '../outside-tools.ts';

let content: Pkcs12Content;
const now = new Date();

beforeAll(async () => {
  const ca = await createCa({ commonName: 'us-remote', organization: 'Söhne', validityDays: 30, keyBits: 2048, now });
  const keys = await generateRsaKeyPair(2048);
  const { certificatePem } = issueCertificate({
    ca,
    publicKeyPem: keys.publicKeyPem,
    subject: { commonName: 'us-1' },
    sans: { dns: ['us-1'], ip: ['127.0.0.1', '::1'] },
    usage: ['server'],
    validityMs: 7 * 86_400_000,
    now,
  });
  content = {
    certificatePem,
    chainPem: [ca.certificatePem],
    privateKeyPem: keys.privateKeyPem,
    password: newPassword(),
    friendlyName: 'remote-cluster-server',
  };
});

const written = (): string => {
  const path = join(scratch(), 'remote.p12');
  writeFileSync(path, toPkcs12(content));
  return path;
};

describe('toPkcs12', () => {
  test('openssl reads it: AES-256 key, certificate and CA unchanged', () => {
    const args = ['pkcs12', '-in', written(), '-passin', `pass:${content.password}`];
    const all = openssl([...args, '-nodes']);
    expect(all).toContain('friendlyName: remote-cluster-server');
    expect(all).toContain(content.certificatePem.trim());
    expect(all).toContain(content.chainPem[0]?.trim());
    expect(openssl(['pkey', '-pubout'], all)).toBe(openssl(['pkey', '-pubout'], content.privateKeyPem));
    expect(opensslNotes([...args, '-info', '-nokeys'])).toMatch(
      /Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration \d+, PRF hmacWithSHA256/,
    );
  });

  test('openssl and node refuse another password', () => {
    expect(() => openssl(['pkcs12', '-in', written(), '-passin', 'pass:wrong', '-nodes'])).toThrow(
      /Mac verify error|invalid password/i,
    );
    expect(() => createSecureContext({ pfx: toPkcs12(content), passphrase: 'wrong' })).toThrow(/mac verify failure/i);
    expect(() => createSecureContext({ pfx: toPkcs12(content), passphrase: content.password })).not.toThrow();
  });

  const jdks = keytools();
  if (jdks.length === 0) console.warn('SKIPPED: no JDK in /usr/lib/jvm, so no keytool read the PKCS#12 file');
  test.skipIf(jdks.length === 0).each(jdks)('Java reads it: %s', (keytool) => {
    const text = keytoolList(keytool, written(), content.password);
    expect(text).toContain('Alias name: remote-cluster-server');
    expect(text).toContain('Entry type: PrivateKeyEntry');
    expect(text).toContain('Certificate chain length: 2');
    expect(text.replaceAll(':', '').toLowerCase()).toContain(
      describeCertificate(content.certificatePem).fingerprint256,
    );
  });

  test('refuses a key of another certificate and a password that is not ASCII', async () => {
    const { privateKeyPem } = await generateRsaKeyPair(2048);
    expect(() => toPkcs12({ ...content, privateKeyPem })).toThrow(/not the one of its certificate/);
    expect(() => toPkcs12({ ...content, password: 'pässword' })).toThrow(/printable ASCII/);
    expect(() => toPkcs12({ ...content, password: '' })).toThrow(/printable ASCII/);
  });
});

test('newPassword is long, random and ASCII', () => {
  const passwords = Array.from({ length: 50 }, newPassword);
  expect(new Set(passwords).size).toBe(50);
  for (const password of passwords) expect(password).toMatch(/^[A-Za-z0-9_-]{32}$/);
});
