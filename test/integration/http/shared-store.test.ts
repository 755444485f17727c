import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { freePorts } from '../../elasticsearch/ports.ts';
import { type CoordinatorProcess, spawnCoordinator } from '../../support/coordinator-process.ts';
import { runCli } from '../../support/run-cli.ts';

/** Coordinators on one Redis of their own machine. */
let directory: string;
let server: ReturnType<typeof spawn>;
let redis: Redis;
let ports: number[];
let redisUrl: string;
let first: CoordinatorProcess;
const running: CoordinatorProcess[] = [];

const dataDir = (name: string): string => join(directory, name);
const flags = (name: string, port = 0): string[] => [
  ...['--data-dir', dataDir(name), '--listen', `127.0.0.1:${ports[port]}`, '--redis-url', redisUrl],
];
const start = async (args: readonly string[]): Promise<CoordinatorProcess> => {
  const coordinator = spawnCoordinator(args);
  running.push(coordinator);
  expect(await coordinator.firstLine, 'the coordinator is ready').toMatch(/^ready /);
  return coordinator;
};
const refused = async (args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCli(['coordinator', ...args]);
  expect({ code, stdout }, stderr).toEqual({ code: 64, stdout: '' });
  return stderr;
};
const copy = (from: string, to: string, ...files: readonly string[]): Promise<unknown> =>
  Promise.all(files.map((file) => cp(join(dataDir(from), file), join(dataDir(to), file))));

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'remora-shared-store-'));
  ports = await freePorts(3);
  const [, , port = 0] = ports;
  redisUrl = `redis://127.0.0.1:${port}`;
  server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory], {
    stdio: 'ignore',
  });
  redis = new Redis(redisUrl, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  await redis.ping();
  first = await start(flags('first'));
});
afterAll(async () => {
  await Promise.all(running.map((coordinator) => coordinator.stop()));
  redis.disconnect();
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
  await rm(directory, { recursive: true, force: true });
});

describe('a coordinator that is started twice', () => {
  it.each(['with its data directory', 'with a copy of it'])('%s ends before it touches the store', async (how) => {
    const own = (await redis.keys('remora:to:*:alive'))[0] ?? '';
    const session = JSON.stringify({ coordinator: own.slice('remora:to:'.length, -':alive'.length), epoch: 1 });
    await redis.hset(keys.sessions, 'us/us-1', session);
    if (how.includes('copy')) await cp(dataDir('first'), dataDir('copy'), { recursive: true });
    expect(await refused(flags(how.includes('copy') ? 'copy' : 'first'))).toMatch(/another process listens there/);
    expect(await redis.keys('remora:to:*:alive')).toEqual([own]);
    expect(await redis.hget(keys.sessions, 'us/us-1')).toBe(session);
    expect(first.child.exitCode).toBeNull();
  });
});

describe('a second coordinator of a store', () => {
  it('with a fleet CA of its own is refused, and told what to copy from where', async () => {
    const said = await refused(flags('second', 1));
    expect(said).toMatch(/belongs to the fleet CA [0-9a-f]{64}, and .*second\/fleet-ca\.crt is another one/);
    expect(said).toMatch(/Copy fleet-ca\.crt and fleet-ca\.key .*:.*\/first/s);
  });

  it('makes no sealing key where there is one, although the store holds no secret yet', async () => {
    await copy('first', 'second', 'fleet-ca.crt', 'fleet-ca.key');
    expect(await redis.exists(keys.secrets)).toBe(0);
    expect(await refused(flags('second', 1))).toMatch(/The sealing key .*second\/sealing\.key does not exist/);
  });

  it('with another sealing key is refused', async () => {
    await mkdir(dataDir('alone'), { recursive: true });
    const alone = await start(['--data-dir', dataDir('alone'), '--listen', `127.0.0.1:${ports[1]}`]);
    await alone.stop();
    await copy('alone', 'second', 'sealing.key');
    const said = await refused(flags('second', 1));
    expect(said).toMatch(/belongs to the sealing key [0-9a-f]{12}, and .*second\/sealing\.key is another one/);
    expect(said).toMatch(/Copy sealing\.key .*\/first/s);
  });

  it('starts with the files of the first one', async () => {
    await copy('first', 'second', 'sealing.key');
    await start(flags('second', 1));
    expect(await redis.keys('remora:to:*:alive')).toHaveLength(2);
  });
});

it('a private store takes a new fleet CA when the files of the old one were removed', async () => {
  const before = await readFile(join(dataDir('alone'), 'fleet-ca.crt'), 'utf8');
  for (const file of ['fleet-ca.crt', 'fleet-ca.key']) await rm(join(dataDir('alone'), file));
  const [port = 0] = await freePorts(1);
  await start(['--data-dir', dataDir('alone'), '--listen', `127.0.0.1:${port}`]);
  expect(await readFile(join(dataDir('alone'), 'fleet-ca.crt'), 'utf8')).not.toBe(before);
});
