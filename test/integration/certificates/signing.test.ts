import { execFileSync } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEntry } from '@remora/shared/model/audit.ts';
import type { SigningRequestView } from '@remora/shared/model/certificates/signing-request.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Written } from '../../../coordinator/src/cli/certificates/certs-issue.ts';
import { filesBelow } from '../connect/canary.ts';
import { type OwnCoordinator, startOwnCoordinator } from './own-coordinator.ts';

/** Certificates of a CA whose key is elsewhere, here with openssl, as a new user asks for them and brings them back. */
let coordinator: OwnCoordinator;
const at = (name: string): string => join(coordinator.directory, name);
const remora = (...args: readonly string[]) => coordinator.remora(...args);
const json = <T>(...args: readonly string[]) => coordinator.json<T>(...args);

const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const makeCa = (name: string): void => {
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at(`${name}.key`)];
  openssl('req', '-x509', ...key, '-subj', `/CN=${name}`, '-days', '30', '-out', at(`${name}.crt`));
};

const sign = (csr: string, certificate: string, ca = 'corp'): void => {
  const by = ['-CA', at(`${ca}.crt`), '-CAkey', at(`${ca}.key`), '-days', '9', '-copy_extensions', 'copy'];
  openssl('x509', '-req', '-in', csr, ...by, '-out', certificate);
};

const names = Array.from({ length: 9 }, (_, i) => `n${i + 1}`);
const asking = ['--ca', 'corp', '--purpose', 'transport'];

beforeAll(async () => {
  coordinator = await startOwnCoordinator();
  makeCa('corp');
  makeCa('other');
  const list = names.map((name) => `  - name: ${name}\n    dns: [${name}.example.com]\n`).join('');
  await writeFile(at('instances.yml'), `instances:\n${list}`);
  await json('ca', 'import', 'corp', '--cert', at('corp.crt'));
});
afterAll(() => coordinator[Symbol.asyncDispose]());

test('requests come out, more than one call of the API makes', async () => {
  const answer = await remora('certs', 'csr', ...asking, '--instances', at('instances.yml'), '--out', at('out'));
  expect(answer.code, answer.stderr).toBe(0);
  expect(answer.stderr).toContain('9 of 9 requests');
  for (const name of names) {
    const text = openssl('req', '-in', at(`out/${name}.csr`), '-noout', '-text', '-verify');
    expect(text).toContain(`DNS:${name}.example.com`);
  }
  const open = await json<SigningRequestView[]>('certs', 'requests');
  expect(open.map(({ name, ca, certificate }) => [name, ca, certificate]).sort()).toEqual(
    names.map((name) => [name, 'corp', null]),
  );
});

test('a file that got lost is written again, the same', async () => {
  await json('certs', 'requests', '--out', at('again'));
  for (const name of names)
    expect(await readFile(at(`again/${name}.csr`), 'utf8')).toBe(await readFile(at(`out/${name}.csr`), 'utf8'));
});

test('nothing is asked for twice, and nothing that is there is overwritten', async () => {
  const twice = await remora(
    'certs',
    'csr',
    ...asking,
    '--name',
    'n1',
    '--san',
    'n1.example.com',
    '--out',
    at('twice'),
  );
  expect([twice.code, twice.stderr]).toEqual([64, expect.stringContaining('"n1" is requested of corp already')]);
  const same = await remora('certs', 'requests', '--out', at('out'));
  expect([same.code, same.stderr]).toEqual([64, expect.stringContaining('there already')]);
});

test('of certificates that come back all are taken or none', async () => {
  for (const name of names) sign(at(`out/${name}.csr`), at(`${name}.crt`));
  sign(at('out/n2.csr'), at('strange.crt'), 'other');
  const refused = await remora('certs', 'accept', at('n1.crt'), at('strange.crt'));
  expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('not by the CA "corp"')]);
  const open = await json<SigningRequestView[]>('certs', 'requests');
  expect(open.filter(({ certificate }) => certificate !== null)).toEqual([]);

  const taken = await json<Written[]>('certs', 'accept', at('n1.crt'), at('n2.crt'), '--out', at('taken'));
  expect(taken.map(({ name, sans }) => [name, ...sans])).toEqual([
    ['n1', 'DNS:n1.example.com'],
    ['n2', 'DNS:n2.example.com'],
  ]);
  const password = `file:${at('taken/n1.password')}`;
  const leaf = openssl('pkcs12', '-in', at('taken/n1.p12'), '-passin', password, '-nokeys', '-clcerts');
  await writeFile(at('leaf.crt'), leaf);
  expect(openssl('verify', '-CAfile', at('corp.crt'), at('leaf.crt'))).toContain('OK');
  expect((await stat(at('taken/n1.p12'))).mode & 0o777).toBe(0o600);
});

test('another certificate for the same request is refused, the same one is not', async () => {
  sign(at('out/n1.csr'), at('another.crt'));
  const other = await remora('certs', 'accept', at('another.crt'));
  expect([other.code, other.stderr]).toEqual([64, expect.stringContaining('has a certificate already')]);
  expect(await json('certs', 'accept', at('n1.crt'))).toMatchObject([{ name: 'n1' }]);
});

test('a request that is dropped takes no certificate any more', async () => {
  const all = await json<SigningRequestView[]>('certs', 'requests');
  const { id = '' } = all.find(({ name }) => name === 'n3') ?? {};
  expect((await remora('certs', 'forget', id)).code).toBe(0);
  const late = await remora('certs', 'accept', at('n3.crt'));
  expect([late.code, late.stderr]).toEqual([
    64,
    expect.stringContaining('None of these certificates is for a key that was requested here'),
  ]);
});

test('certificates that were made elsewhere are taken together, and named where nothing is placed', async () => {
  const placing = (directory: string) => [
    ...[
      'certs',
      'place',
      '--cluster',
      'us',
      '--purpose',
      'transport',
      '--ca',
      'corp',
      '--files',
      at(directory),
      '--yes',
    ],
  ];
  const request = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at('made.key'), '-subj', '/CN=made'];
  openssl('req', '-new', ...request, '-addext', 'subjectAltName=DNS:made.example.com', '-out', at('made.csr'));
  sign(at('made.csr'), at('made.crt'));
  const certificate = await readFile(at('made.crt'), 'utf8');
  const key = await readFile(at('made.key'), 'utf8');
  await mkdir(at('made'));
  // More than the coordinator reads of other requests, and more than are sent at once.
  for (let i = 1; i <= 21; i += 1) {
    await writeFile(at(`made/m${i}.crt`), `${'of somebody else\n'.repeat(5000)}${certificate}`);
    await writeFile(at(`made/m${i}.key`), key);
  }
  const wrong = at('made/m9.key');
  await writeFile(wrong, await readFile(at('corp.key'), 'utf8'));
  const list = async () =>
    (await json<SigningRequestView[]>('certs', 'requests')).filter(({ name }) => /^m\d/.test(name));
  const refused = await remora(...placing('made'));
  expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('The key for m9 is not the one')]);
  expect(await list()).toEqual([]);
  await writeFile(wrong, key);
  const unplaced = await remora(...placing('made'));
  const kept = await list();
  expect([kept.length, unplaced.code === 0]).toEqual([21, false]);
  for (const { id } of kept) expect(unplaced.stderr).toContain(id);
  expect(unplaced.stderr).toMatch(/are kept, with their keys, as .*: `remora certs forget ID` drops one\./);
});

test('all of it is recorded, and no key is in the log or the store', async () => {
  const entries = await json<AuditEntry[]>('audit', 'list');
  const of = (action: string) => entries.filter((entry) => entry.action === action).length;
  expect([of('certificate.request'), of('certificate.accept')]).toEqual([9, expect.any(Number)]);
  const key = openssl(
    'pkcs12',
    '-in',
    at('taken/n1.p12'),
    '-passin',
    `file:${at('taken/n1.password')}`,
    '-nocerts',
    '-nodes',
  );
  const [line = ''] = /^[A-Za-z0-9+/]{60,}$/m.exec(key) ?? [];
  expect(line).not.toBe('');
  const store = Buffer.concat(Object.values(filesBelow(at('data/redis')))).toString('latin1');
  expect(store.includes('certificate.request'), 'what is recorded is found').toBe(true);
  for (const [where, text] of Object.entries({ log: coordinator.logged(), store }))
    expect([where, text.includes(line)]).toEqual([where, false]);
});
