import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { certificatesIn } from '../../../agent/src/certificate-facts.ts';

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
