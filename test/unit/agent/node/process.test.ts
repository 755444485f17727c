import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findNodeProcess } from '../../../../agent/src/node/process.ts';
import { pidOf } from '../../../../agent/src/system/process-table.ts';
import { freePorts } from '../../../elasticsearch/ports.ts';

/** Processes with command lines of Elasticsearch's, as `ps` shows them beside real nodes of 8.x and 9.x. */
const SERVER = [
  '-Des.distribution.type=deb',
  '-m',
  'org.elasticsearch.server/org.elasticsearch.bootstrap.Elasticsearch',
];
const launcher = (configDir: string): string[] => [
  ...['-Dcli.name=server', `-Des.path.conf=${configDir}`, '-Des.distribution.type=deb'],
  'org.elasticsearch.launcher.CliToolLauncher',
];
const tool = (configDir: string): string[] => [
  ...['-Dcli.name=', '-Dcli.script=bin/elasticsearch-reset-password', `-Des.path.conf=${configDir}`],
  ...['-Des.distribution.type=deb', 'org.elasticsearch.launcher.CliToolLauncher'],
];
const STAYS = 'console.log();setInterval(() => {}, 1000);';
const listens = (port: number, host = '127.0.0.1'): string =>
  `require('node:net').createServer().listen(${port}, '${host}', () => console.log());`;

/** Takes root and a kernel that lets it. */
const canMount = spawnSync('unshare', ['--mount', 'mount', '--bind', '/tmp', '/tmp']).status === 0;

let root: string;
let configDir: string;
let port: number;
const children: ChildProcess[] = [];
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'remora-process-')));
  configDir = join(root, 'config');
  await mkdir(configDir);
  [port = 0] = await freePorts(1);
});
afterEach(async () => {
  // With what they started.
  for (const { pid } of children.splice(0)) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  await rm(root, { recursive: true });
});

/** Starts a process that calls itself java and has these arguments; resolves with its pid when it has come as far as to say something. */
const java = async (args: readonly string[], script = STAYS, env: Record<string, string> = {}): Promise<number> => {
  const child = spawn(process.execPath, ['-e', script, '--', ...args], {
    argv0: 'java',
    detached: true,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
};
const find = () => findNodeProcess({ configDir, url: `http://127.0.0.1:${port}`, mainPid: async () => null });
const current = async (): Promise<number | null> => {
  const identity = await find().current();
  return identity === null ? null : pidOf(identity);
};

describe('the node is not', () => {
  test('a program that only has its environment', async () => {
    children.push(spawn('sleep', ['60'], { detached: true, env: { ...process.env, ES_PATH_CONF: configDir } }));
    await java(['-jar', 'logstash.jar'], STAYS, { ES_PATH_CONF: configDir });
    expect(await current()).toBeNull();
  });

  test("a tool of Elasticsearch's", async () => {
    await java(tool(configDir), STAYS, { ES_PATH_CONF: configDir });
    expect(await current()).toBeNull();
    expect(find().candidates()).toEqual([]);
  });

  test('a server for another directory, on its port or not', async () => {
    const env = { ES_PATH_CONF: join(root, 'other') };
    await java(SERVER, STAYS, env);
    await java(SERVER, listens(port), env);
    expect(await current()).toBeNull();
  });

  test('another program on its port', async () => {
    await java([], listens(port));
    expect(await current()).toBeNull();
  });
});

describe('the node is', () => {
  test('its launcher while there is no server yet, and then the server', async () => {
    const first = await java(launcher(configDir));
    expect(await current()).toBe(first);
    expect(find().server()).toBeNull();
    const server = await java(SERVER, STAYS, { ES_PATH_CONF: configDir });
    expect(await current()).toBe(server);
    expect(find().candidates().map(pidOf)).toEqual([server, first]);
  });

  test('the server that its launcher started without a word of the directory', async () => {
    const script = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(STAYS)}, '--', ...${JSON.stringify(SERVER)}], { argv0: 'java', stdio: 'inherit' });setInterval(() => {}, 1000);`;
    const first = await java(launcher(configDir), script);
    expect(find().server()).not.toBeNull();
    expect(await current()).not.toBe(first);
  });

  test('the server on its port that names no directory', async () => {
    const server = await java(SERVER, listens(port));
    expect(await current()).toBe(server);
  });

  test('its own server before another one on the port of another address, though a symlink leads to its directory', async () => {
    await java(SERVER, listens(port, '127.0.0.2'));
    const link = join(root, 'link');
    await symlink(configDir, link);
    const server = await java(SERVER, listens(port), { ES_PATH_CONF: link });
    expect(await current()).toBe(server);
  });
});

describe.runIf(canMount)('of processes with mounts of their own', () => {
  let other: string;
  beforeEach(async () => {
    other = join(root, 'other');
    await mkdir(other);
  });

  /** A server that sees what stands at `from` at `to`, as in a container. */
  const contained = async (from: string, to: string, named: string): Promise<number> => {
    const script = `mount --bind "$1" "$2" && shift 2 && exec -a java "$@"`;
    const command = [process.execPath, '-e', STAYS, '--', ...SERVER];
    const child = spawn('unshare', ['--mount', 'bash', '-c', script, 'bash', from, to, ...command], {
      detached: true,
      env: { PATH: process.env.PATH, ES_PATH_CONF: named },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child.pid ?? 0;
  };

  test('the node is one that has its directory at another path', async () => {
    const server = await contained(configDir, other, other);
    expect(await current()).toBe(server);
  });

  test('the node is not one that has another directory at its path', async () => {
    await contained(other, configDir, configDir);
    expect(await current()).toBeNull();
  });
});

test('a process serves the port when it is the one that listens', async () => {
  const server = await java(SERVER, STAYS, { ES_PATH_CONF: configDir });
  await java([], listens(port));
  const { current: now, serves } = find();
  const identity = (await now()) ?? '';
  expect(pidOf(identity)).toBe(server);
  expect(serves(identity)).toBe(false);
});
