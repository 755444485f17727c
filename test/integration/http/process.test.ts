import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePorts } from '../../elasticsearch/ports.ts';
import { type CoordinatorProcess, spawnCoordinator } from '../../support/coordinator-process.ts';
import { runCli } from '../../support/run-cli.ts';

let directory: string;
let port: number;
let coordinator: CoordinatorProcess;
const start = (): CoordinatorProcess =>
  spawnCoordinator(['--data-dir', join(directory, 'data'), '--listen', `127.0.0.1:${port}`]);
const file = (name: string): string => join(directory, 'data', name);
const env = (more: Readonly<Record<string, string>> = {}) => ({
  REMORA_URL: `https://127.0.0.1:${port}`,
  REMORA_TOKEN_FILE: file('admin.token'),
  REMORA_CA: file('fleet-ca.crt'),
  ...more,
});
const cli = (args: readonly string[], more?: Readonly<Record<string, string>>, stdin = '') =>
  runCli(args, { env: env(more), stdin });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'remora-process-'));
  [port = 0] = await freePorts(1);
  coordinator = start();
  expect(await coordinator.firstLine).toBe(`ready https://127.0.0.1:${port}`);
});
afterAll(async () => {
  await coordinator.stop();
  await rm(directory, { recursive: true, force: true });
});

const modeOf = async (name: string): Promise<number> => (await stat(file(name))).mode & 0o777;

it('writes its token for the owner alone and its CA for everybody', async () => {
  expect(await Promise.all(['admin.token', 'sealing.key', 'fleet-ca.key', 'fleet-ca.crt'].map(modeOf))).toEqual([
    ...[0o600, 0o600, 0o600, 0o644],
  ]);
});

it('answers scripts with one JSON document', async () => {
  for (const args of [
    ['clusters', 'list'],
    ['nodes', 'list'],
    ['runs', 'list'],
    ['connections', 'list'],
    ['ca', 'list'],
  ]) {
    expect(await cli([...args, '--json'])).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
  }
  const { stdout } = await cli(['doctor', '--json']);
  expect(JSON.parse(stdout)[0]).toEqual({ check: 'redis', ok: true, detail: expect.any(String) });
});

it('tells people what to do first', async () => {
  expect((await cli(['nodes', 'list'])).stdout).toMatch(/No agent has joined yet/);
});

const refused: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['an unknown run', ['runs', 'show', 'nope'], 64, /no run "nope"/],
  ['an unknown cluster', ['clusters', 'show', 'nope'], 64, /no cluster "nope"/],
  ['unknown clusters', ['connect', 'eu', 'nope', '--alias', 'x', '--search', 'a', '--yes'], 64, /no cluster/],
  [
    'plain http',
    ['clusters', 'add', 'us', '--url', 'http://192.0.2.1:9200', '--user', 'u', '--password-file', '-'],
    64,
    /plain http/,
  ],
  [
    'a cluster that does not answer',
    ['clusters', 'add', 'us', '--url', 'https://127.0.0.1:9', '--user', 'u', '--password-file', '-'],
    64,
    /no answer/,
  ],
  ['a token for an unknown cluster', ['tokens', 'create', '--cluster', 'us'], 64, /no cluster "us"/],
];
it.each(refused)('refuses %s', async (_, args, code, message) => {
  const answer = await cli(args, {}, 'password');
  expect(answer).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
});

it('keeps secrets from files and stdin, without their line break', async () => {
  expect((await cli(['secrets', 'set', 'team/a', '--file', '-'], {}, 'value\n')).code).toBe(0);
  expect(await cli(['secrets', 'list', '--json'])).toMatchObject({ code: 0, stdout: '[\n  "team/a"\n]\n' });
  expect((await cli(['secrets', 'set', 'empty', '--file', '-'], {}, '\n')).code).toBe(64);
  expect((await cli(['secrets', 'remove', 'team/a'])).code).toBe(0);
});

it('tells an unknown token, an untrusted certificate and a missing file apart', async () => {
  const wrong = join(directory, 'wrong.token');
  await writeFile(wrong, 'wrong');
  expect(await cli(['nodes', 'list'], { REMORA_TOKEN_FILE: wrong })).toMatchObject({ code: 77 });
  const untrusted = await cli(['nodes', 'list'], { REMORA_CA: '' });
  expect(untrusted).toMatchObject({
    code: 69,
    stderr: expect.stringMatching(/issued by "CN=Remora fleet CA .*REMORA_CA/s),
  });
  expect(await cli(['nodes', 'list'], { REMORA_CA: '/nonexistent' })).toMatchObject({ code: 64 });
});

it('remembers a login without the token', async () => {
  const home = { HOME: directory };
  const args = ['login', '--url', env().REMORA_URL, '--token-file', file('admin.token'), '--ca', file('fleet-ca.crt')];
  expect((await runCli(args, { env: home })).code).toBe(0);
  const kept = join(directory, '.config/remora/client.json');
  expect((await stat(kept)).mode & 0o777).toBe(0o600);
  expect(await readFile(kept, 'utf8')).not.toContain((await readFile(file('admin.token'), 'utf8')).trim());
  expect((await runCli(['nodes', 'list'], { env: home })).code).toBe(0);
});

it('refuses a port and a data directory that are in use, in one sentence', async () => {
  const samePort = await runCli([
    'coordinator',
    '--data-dir',
    join(directory, 'other'),
    '--listen',
    `127.0.0.1:${port}`,
  ]);
  expect(samePort).toMatchObject({
    code: 64,
    stdout: '',
    stderr: expect.stringMatching(/another process listens there/),
  });
  const sameDirectory = await runCli(['coordinator', '--data-dir', join(directory, 'data'), '--listen', '127.0.0.1:1']);
  expect(sameDirectory).toMatchObject({ code: 64, stdout: '', stderr: expect.stringMatching(/Another coordinator/) });
});

it('reads a config file, and refuses keys that it does not know', async () => {
  const config = join(directory, 'remora.yml');
  await writeFile(config, 'data-dir: data\nlisten: 127.0.0.1:1\nport: 80\n');
  expect(await runCli(['coordinator', '--config', config])).toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/"port", which is not known/),
  });
});

it('stops on SIGTERM with 0, logs JSON lines alone, and a client that waits finds the next one', async () => {
  await cli(['secrets', 'set', 'kept', '--file', '-'], {}, 'value');
  const token = await readFile(file('admin.token'), 'utf8');
  expect(await coordinator.stop()).toBe(0);
  for (const line of (await coordinator.log).trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
  expect(await coordinator.log).not.toContain(token.trim());

  const waiting = cli(['secrets', 'list', '--json']);
  coordinator = start();
  expect(await coordinator.firstLine).toBe(`ready https://127.0.0.1:${port}`);
  expect(await waiting).toMatchObject({ code: 0, stdout: '[\n  "kept"\n]\n' });
  expect(await readFile(file('admin.token'), 'utf8')).toBe(token);
});
