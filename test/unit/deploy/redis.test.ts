import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serviceOf } from './deployment.ts';

const run = promisify(execFile);

const PASSWORD = 'f00d';
const { command = [], healthcheck } = serviceOf('redis');
const directory = mkdtempSync(join(tmpdir(), 'remora-compose-redis-'));
const authFile = join(directory, 'auth.conf');
const socket = join(directory, 'redis.sock');
let server: ReturnType<typeof spawn>;

/** The service's own health check, on this machine's paths. */
const healthy = () =>
  run('sh', [
    '-c',
    (healthcheck?.test[1] ?? '')
      .replaceAll('/run/secrets/auth.conf', authFile)
      .replaceAll('redis-cli', `redis-cli -s ${socket}`),
  ]);

beforeAll(async () => {
  writeFileSync(authFile, `requirepass ${PASSWORD}\n`);
  const [program = '', ...args] = command.map((word) => (word === '/run/secrets/auth.conf' ? authFile : word));
  server = spawn(program, [...args, '--port', '0', '--unixsocket', socket, '--dir', directory], { stdio: 'ignore' });
});

afterAll(async () => {
  const ended = once(server, 'exit');
  server.kill();
  await ended;
  rmSync(directory, { recursive: true });
});

it("keeps data as the coordinator's private Redis does, behind the password", async () => {
  const redis = new Redis({ path: socket, password: PASSWORD, retryStrategy: () => 50 });
  try {
    const settings = await Promise.all(
      ['appendonly', 'appendfsync', 'maxmemory-policy', 'requirepass'].map((name) => redis.config('GET', name)),
    );
    expect(settings).toEqual([
      ['appendonly', 'yes'],
      ['appendfsync', 'always'],
      ['maxmemory-policy', 'noeviction'],
      ['requirepass', PASSWORD],
    ]);
  } finally {
    redis.disconnect();
  }
});

it('is healthy only with the right password', async () => {
  await healthy();
  writeFileSync(authFile, 'requirepass wrong\n');
  await expect(healthy()).rejects.toThrow();
});
