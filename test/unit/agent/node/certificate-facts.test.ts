import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { certificatesIn, publicKeyDigestIn } from '../../../../agent/src/node/certificate-facts.ts';

const root = mkdtempSync(join(tmpdir(), 'remora-certificate-'));
afterAll(() => rmSync(root, { recursive: true }));

test('a certificate is described in the words of RFC 2253, as openssl says it', () => {
  const path = join(root, 'c.crt');
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', join(root, 'c.key'), '-out', path, '-days', '10'],
    ...['-subj', '/O=x, y/CN=signer', '-addext', 'subjectAltName=DNS:a.example,IP:10.0.0.1,IP:::1'],
  ]);
  const pem = readFileSync(path, 'utf8');
  const openssl = (...args: string[]): string =>
    execFileSync('openssl', ['x509', '-in', path, '-noout', ...args], { encoding: 'utf8' }).trim();
  const [facts, ...rest] = certificatesIn(
    `# a comment\n${pem}-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n`,
  );
  expect(rest).toEqual([]);
  expect(facts?.subject).toBe(openssl('-subject', '-nameopt', 'RFC2253').replace('subject=', ''));
  expect(facts?.sans).toEqual(['DNS:a.example', 'IP:10.0.0.1', 'IP:0:0:0:0:0:0:0:1']);
  expect(facts?.fingerprint256).toBe(
    openssl('-fingerprint', '-sha256').split('=')[1]?.replaceAll(':', '').toLowerCase(),
  );
  expect(facts?.serial).toBe(openssl('-serial').replace('serial=', '').toLowerCase());
  expect(new Date(facts?.notAfter ?? 0).toISOString()).toBe(facts?.notAfter);
});

test('a private key is told by the digest of its public half, which is that of its certificate; an encrypted one is not known', () => {
  const at = (name: string): string => join(root, name);
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=x'],
    ...['-keyout', at('pair.key'), '-out', at('pair.crt'), '-days', '10'],
  ]);
  execFileSync('openssl', [
    'ec',
    '-in',
    at('pair.key'),
    '-aes256',
    '-passout',
    'pass:phrase',
    '-out',
    at('locked.key'),
  ]);
  const certificate = readFileSync(at('pair.crt'), 'utf8');
  const spki = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  expect(publicKeyDigestIn(readFileSync(at('pair.key'), 'utf8'))).toBe(createHash('sha256').update(spki).digest('hex'));
  expect(publicKeyDigestIn(readFileSync(at('locked.key'), 'utf8'))).toBeNull();
  expect(publicKeyDigestIn(certificate)).toBeUndefined();
  expect(certificatesIn(certificate, true)[0]?.der).toBe(new X509Certificate(certificate).raw.toString('base64'));
  expect(certificatesIn(certificate)[0]).not.toHaveProperty('der');
});
