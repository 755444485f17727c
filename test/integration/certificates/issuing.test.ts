import { execFileSync } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEntry } from '@remora/shared/model/audit.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Written } from '../../../coordinator/src/cli/certificates/certs-issue.ts';
import { filesBelow } from '../connect/canary.ts';
import { type OwnCoordinator, startOwnCoordinator } from './own-coordinator.ts';

let coordinator: OwnCoordinator;
const at = (name: string): string => join(coordinator.directory, name);

const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const remora = (...args: readonly string[]) => coordinator.remora(...args);
const json = <T>(...args: readonly string[]) => coordinator.json<T>(...args);

/** As elasticsearch-certutil takes it. */
const instances = `
instances:
  - name: node 1
    filename: n1
    dns: [ node1.us.example.com ]
    ip: 10.0.0.1
    cn: [ node1.node.abc.cluster.us.account ]
  - name: node2
    dns:
      - node2.us.example.com
`;

beforeAll(async () => {
  coordinator = await startOwnCoordinator();
  await writeFile(at('instances.yaml'), instances);
  await writeFile(at('password'), 'correct-horse\n');
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=theirs',
    '-days',
    '30',
    '-keyout',
    at('their.key'),
    '-out',
    at('their.crt'),
  );
});
afterAll(() => coordinator[Symbol.asyncDispose]());

test('a CA that may certify some names only is made, and shown so', async () => {
  const flags = ['--permit', 'DNS:us.example.com,IP:10.0.0.0/8', '--exclude', 'DNS:x.us.example.com', '--days', '30'];
  expect(await json('ca', 'create', 'us', ...flags)).toMatchObject({
    nameConstraints: { permitted: ['DNS:us.example.com', 'IP:10.0.0.0/8'], excluded: ['DNS:x.us.example.com'] },
  });
  expect((await remora('ca', 'list')).stdout).toContain('DNS:us.example.com, IP:10.0.0.0/8, not DNS:x.us.example.com');
});

test('many certificates come from a list of certutil, each with its own password', async () => {
  const flags = ['--ca', 'us', '--purpose', 'transport', '--instances', at('instances.yaml')];
  const out = ['--san', '10.9.9.9', '--validity', '40d', '--out', at('many')];
  const answer = await remora('certs', 'issue', ...flags, ...out, '--json');
  expect(answer.code, answer.stderr).toBe(0);
  expect(answer.stderr).toContain('since the CA us ends then');
  const written = JSON.parse(answer.stdout) as Written[];
  expect(written.map(({ subject, sans }) => [subject, ...sans])).toEqual([
    [
      'CN=node 1',
      'DNS:node1.us.example.com',
      'IP:10.0.0.1',
      'IP:10.9.9.9',
      'otherName:node1.node.abc.cluster.us.account',
    ],
    ['CN=node2', 'DNS:node2.us.example.com', 'IP:10.9.9.9'],
  ]);
  const files = (await readdir(at('many'))).sort();
  expect(files).toEqual(['ca.crt', 'n1.p12', 'n1.password', 'node2.p12', 'node2.password']);
  for (const file of files) {
    const { mode } = await stat(at(`many/${file}`));
    expect([file, mode & 0o777]).toEqual([file, file === 'ca.crt' ? 0o644 : 0o600]);
  }
  for (const name of ['n1', 'node2']) {
    const read = openssl(
      'pkcs12',
      '-in',
      at(`many/${name}.p12`),
      '-passin',
      `file:${at(`many/${name}.password`)}`,
      '-nokeys',
      '-clcerts',
    );
    await writeFile(at('leaf.crt'), read);
    expect(openssl('verify', '-x509_strict', '-CAfile', at('many/ca.crt'), at('leaf.crt'))).toContain('OK');
  }
});

test('a PEM pair for Elastic Cloud, its key under a password that was given', async () => {
  const flags = ['--ca', 'us', '--purpose', 'http', '--name', 'a', '--san', '*.a.us.example.com'];
  const form = ['--format', 'pem', '--encrypt-key', '--password-file', at('password')];
  const cloud = ['--cloud-cluster', 'abc', '--cloud-scope', '12'];
  const [one] = await json<Written[]>('certs', 'issue', ...flags, ...form, ...cloud, '--out', at('pem'));
  expect(one).toMatchObject({
    subject: 'CN=a.node.abc.cluster.12.account',
    sans: ['DNS:*.a.us.example.com', 'otherName:a.node.abc.cluster.12.account'],
    files: [at('pem/a.crt'), at('pem/a.key')],
  });
  const ofKey = openssl('pkey', '-in', at('pem/a.key'), '-passin', 'pass:correct-horse', '-pubout');
  expect(openssl('x509', '-in', at('pem/a.crt'), '-noout', '-pubkey')).toBe(ofKey);
});

test('what is wrong is said before anything is made or written', async () => {
  await remora('ca', 'import', 'theirs', '--cert', at('their.crt'));
  await writeFile(at('bad.yaml'), 'instances:\n  - dns: [ a ]\n');
  const before = await json<AuditEntry[]>('audit', 'list');
  const us = ['--ca', 'us', '--purpose', 'http'];
  const out = ['--out', at('none')];
  for (const [args, sentence] of [
    [
      [...us, '--name', 'a', '--san', 'a.example.com', ...out],
      /must not certify "a": DNS:a\.example\.com is not within/,
    ],
    [[...us, '--name', 'a', ...out], /needs at least one host name or IP address/],
    [[...us, '--name', 'ca', '--san', 'a.us.example.com', ...out], /"ca" cannot be the name/],
    [[...us, '--name', '../a', '--san', 'a.us.example.com', ...out], /"\.\.\/a" cannot be the name of files/],
    [[...us, '--instances', at('bad.yaml'), ...out], /bad\.yaml: instance 1 has no name/],
    [[...us, '--name', 'a', '--san', 'a.us.example.com', '--validity', '1s', ...out], /one minute at least/],
    [['--ca', 'theirs', '--purpose', 'http', '--name', 'a', '--san', 'a', ...out], /is here without its key/],
    [['--ca', 'nobody', '--purpose', 'http', '--name', 'a', '--san', 'a', ...out], /There is no CA "nobody"/],
    [[...us, '--name', 'a', '--san', 'a.us.example.com', '--out', at('pem')], /a\.crt|ca\.crt: there already/],
    [[...us, '--name', 'a', '--encrypt-key', ...out], /is for --format pem/],
  ] as const) {
    const answer = await remora('certs', 'issue', ...args);
    expect([args, answer.code]).toEqual([args, 64]);
    expect(answer.stderr).toMatch(sentence);
  }
  expect(await json('audit', 'list')).toEqual(before);
  await expect(stat(at('none'))).rejects.toThrow(/ENOENT/);
});

test('each is recorded, and no key and no password is in the log or the store', async () => {
  const entries = await json<AuditEntry[]>('audit', 'list');
  const issued = entries.filter(({ action }) => action === 'certificate.issue');
  expect(issued.map(({ target, detail }) => `${target} ${detail?.split(',')[0]}`).reverse()).toEqual([
    'us CN=node 1 for transport',
    'us CN=node2 for transport',
    'us CN=a.node.abc.cluster.12.account for http',
  ]);
  const secrets = [await readFile(at('many/n1.password'), 'utf8'), await readFile(at('many/n1.p12'), 'base64')];
  const store = Buffer.concat(Object.values(filesBelow(at('data/redis')))).toString('latin1');
  expect(store.includes('certificate.issue'), 'what is recorded is found').toBe(true);
  for (const secret of secrets.map((text) => text.trim().slice(0, 60)))
    for (const [where, text] of Object.entries({ log: coordinator.logged(), store }))
      expect([where, text.includes(secret)]).toEqual([where, false]);
});
