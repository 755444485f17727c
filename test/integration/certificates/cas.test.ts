import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEntry } from '@remora/shared/model/audit.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CaView } from '../../../coordinator/src/http/schemas/ca-view.ts';
import { type OwnCoordinator, startOwnCoordinator } from './own-coordinator.ts';

let coordinator: OwnCoordinator;
const passphrase = `phrase-${randomBytes(8).toString('hex')}`;
const at = (name: string): string => join(coordinator.directory, name);

beforeAll(async () => {
  coordinator = await startOwnCoordinator();
  const subject = ['-subj', '/CN=theirs', '-days', '30', '-newkey', 'rsa:2048', '-passout', `pass:${passphrase}`];
  openssl(['req', '-x509', '-keyout', at('theirs.key'), '-out', at('theirs.crt'), ...subject]);
  await writeFile(at('wrong'), 'not the phrase\n');
  await writeFile(at('passphrase'), `${passphrase}\n`, { mode: 0o600 });
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const openssl = (args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const remora = (...args: readonly string[]) => coordinator.remora(...args);
const ca = (...args: readonly string[]) => remora('ca', ...args);
const json = <T>(...args: readonly string[]) => coordinator.json<T>('ca', ...args);
const names = async (): Promise<string[]> => (await json<CaView[]>('list')).map(({ name }) => name);

test('a CA is made as asked for, and openssl agrees', async () => {
  const flags = ['--common-name', 'Our remote CA', '--bits', '4096', '--days', '400', '--path-length', '0'];
  const made = await json<CaView>('create', 'ours', ...flags);
  expect(made).toMatchObject({ name: 'ours', subject: 'CN=Our remote CA', hasKey: true, usedBy: [] });
  await writeFile(at('ours.crt'), (await ca('export', 'ours')).stdout);
  const text = openssl(['x509', '-in', at('ours.crt'), '-noout', '-text']);
  for (const line of ['Public-Key: (4096 bit)', 'CA:TRUE, pathlen:0', 'Certificate Sign, CRL Sign'])
    expect(text).toContain(line);
  const print = openssl(['x509', '-in', at('ours.crt'), '-noout', '-fingerprint', '-sha256']);
  expect(print.split('=')[1]?.trim().replaceAll(':', '').toLowerCase()).toBe(made.fingerprint256);
  const days = (Date.parse(made.notAfter) - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(400);
});

test('a CA of others comes with its encrypted key, or without one to be trusted only', async () => {
  const from = ['--cert', at('theirs.crt')];
  const withKey = [...from, '--key', at('theirs.key'), '--passphrase-file', at('passphrase')];
  expect(await json('import', 'theirs', ...withKey)).toMatchObject({ subject: 'CN=theirs', hasKey: true });
  expect(await json('import', 'trusted', ...from)).toMatchObject({ subject: 'CN=theirs', hasKey: false });
  const given = await json<CaView>('import', 'trusted', ...withKey);
  expect(given).toMatchObject({ name: 'trusted', hasKey: true });
  expect((await ca('import', 'trusted', ...withKey)).stderr).toContain('There is a CA "trusted" already');
  expect((await ca('export', 'theirs')).stdout.trim()).toBe((await readFile(at('theirs.crt'), 'utf8')).trim());
  expect(await names()).toEqual(['ours', 'theirs', 'trusted']);
});

test('what is wrong is said, and nothing is kept of it', async () => {
  const before = await json('list');
  const from = ['--cert', at('theirs.crt')];
  for (const [args, sentence] of [
    [['import', 'a', ...from, '--key', at('theirs.key')], /The CA's key is encrypted.*--passphrase-file/s],
    [['import', 'a', ...from, '--key', at('theirs.key'), '--passphrase-file', at('wrong')], /with this passphrase/],
    [['import', 'a', ...from, '--key', at('ours.crt')], /The key file holds no private key/],
    [['import', 'a', '--cert', at('nowhere.crt')], /--cert .*nowhere\.crt cannot be read/],
    [['import', 'ours', ...from], /There is a CA "ours" already/],
    [['import', 'not/a/name', ...from], /is not the name of a CA/],
    [['create', 'theirs'], /There is a CA "theirs" already/],
    [['create', 'b', '--bits', '1024'], /3072 or 4096 bits/],
    [['create', 'b', '--days', '0'], /--days 0: write a whole number/],
    [['create', 'b', '--path-length', 'x'], /--path-length x/],
    [['remove', 'nobody'], /There is no CA "nobody"/],
  ] as const) {
    const answer = await ca(...args);
    expect([args, answer.code]).toEqual([args, 64]);
    expect(answer.stderr).toMatch(sentence);
  }
  expect(await json('list')).toEqual(before);
});

test('a CA that nothing uses can go, and its name can be used again', async () => {
  expect(await json('remove', 'ours', '--yes')).toEqual({ removed: 'ours' });
  expect(await names()).toEqual(['theirs', 'trusted']);
  expect(await json('create', 'ours')).toMatchObject({ name: 'ours', hasKey: true });
});

test('who did it is recorded, and no key and no passphrase is in a log', async () => {
  const audit = await remora('audit', 'list', '--json');
  const entries = (JSON.parse(audit.stdout) as AuditEntry[]).filter(({ action }) => action.startsWith('ca.'));
  expect(entries.map(({ actor, action, target }) => `${actor} ${action} ${target}`).reverse()).toEqual([
    ...['admin ca.create ours', 'admin ca.import theirs', 'admin ca.import trusted', 'admin ca.import trusted'],
    ...['admin ca.remove ours', 'admin ca.create ours'],
  ]);
  const key = openssl(['pkey', '-in', at('theirs.key'), '-passin', `pass:${passphrase}`]).split('\n')[1] ?? '';
  expect(key).toHaveLength(64);
  for (const secret of [key, passphrase])
    for (const [where, text] of Object.entries({ audit: audit.stdout, log: coordinator.logged() }))
      expect([where, text.includes(secret)]).toEqual([where, false]);
});
