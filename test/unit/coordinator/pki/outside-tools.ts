import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory that goes away with the test. */
export const scratch = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'remora-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

/** Output of the real openssl; the test fails with its error output when it exits with another code than 0. */
export const openssl = (args: readonly string[], input?: string | Buffer): string =>
  execFileSync('openssl', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });

/** The same for a command that tells what it found on its error output. */
export const opensslNotes = (args: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout + stderr;
};

/** Writes a text to a file that goes away with the test, and answers its path. */
export const fileWith = (text: string): string => {
  const path = join(scratch(), 'file');
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};

/** `openssl verify` of a certificate against one CA, as server or client. */
export const opensslVerify = (caPem: string, certificatePem: string, purpose: 'sslserver' | 'sslclient'): string => {
  const directory = scratch();
  writeFileSync(join(directory, 'ca.crt'), caPem);
  writeFileSync(join(directory, 'leaf.crt'), certificatePem);
  const result = spawnSync(
    'openssl',
    ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', join(directory, 'ca.crt'), join(directory, 'leaf.crt')],
    { encoding: 'utf8' },
  );
  return (result.stdout + result.stderr).replaceAll(`${directory}/`, '').trim();
};

export const opensslText = (certificatePem: string): string => openssl(['x509', '-noout', '-text'], certificatePem);

/** One keytool for each JDK on this machine, named by its real directory. */
export const keytools = (): string[] => [
  ...new Set(
    globSync('/usr/lib/jvm/*/bin/keytool')
      .filter((path) => existsSync(path))
      .map((path) => realpathSync(path)),
  ),
];

/** In English, and started as quickly as a JVM can. */
const runKeytool = (keytool: string, args: readonly string[]): string =>
  execFileSync(keytool, ['-J-Duser.language=en', '-J-XX:TieredStopAtLevel=1', '-J-XX:+UseSerialGC', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

export const keytoolList = (keytool: string, p12: string, password: string): string =>
  runKeytool(keytool, ['-list', '-v', '-storetype', 'PKCS12', '-keystore', p12, '-storepass', password]);

/** What it says of every certificate in a PEM file. */
export const keytoolPrint = (keytool: string, pemFile: string): string =>
  runKeytool(keytool, ['-printcert', '-file', pemFile]);
