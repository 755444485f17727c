import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { PrivateRedis } from '../../coordinator/src/store/private-redis/private-redis.ts';
import { client, isRunning, OWNER, owner, scratch, start, until } from './private-redis-bed.ts';

const refuses = async (server: PrivateRedis): Promise<boolean> => {
  const redis = new Redis({ ...server.options, retryStrategy: () => null, lazyConnect: true });
  redis.on('error', () => undefined);
  return redis.connect().then(
    () => {
      redis.disconnect();
      return false;
    },
    () => true,
  );
};

describe('a private Redis', () => {
  test('keeps what was written, evicts nothing, and is reached by its owner alone', async () => {
    const directory = scratch();
    const { server } = await start(directory);
    const redis = client(server);
    await redis.set('key', 'value');
    const settings = (await redis.config(
      'GET',
      'append*',
      'maxmemory-policy',
      'maxmemory',
      'port',
      'save',
    )) as string[];
    expect(settings.join(' ')).toMatch(/appendfsync always/);
    expect(settings.join(' ')).toMatch(/appendonly yes/);
    expect(settings.join(' ')).toMatch(/maxmemory-policy noeviction/);
    expect(settings.join(' ')).toMatch(/port 0/);
    expect(statSync(join(directory, 'redis')).mode & 0o777).toBe(0o700);
    expect(statSync(server.options.path).mode & 0o777).toBe(0o700);
    expect(server.adopted).toBe(false);
  });

  test('an orderly stop leaves no process, no socket and no claim, and the data for the next', async () => {
    const directory = scratch();
    const first = await start(directory);
    const pid = first.server.pid() ?? 0;
    await client(first.server).set('key', 'value');
    await first.server.stop();
    expect(isRunning(pid)).toBe(false);
    expect(readdirSync(join(directory, 'redis')).sort()).toEqual(['appendonlydir', 'redis.log']);
    const second = await start(directory);
    expect(second.server.adopted).toBe(false);
    expect(await client(second.server).get('key')).toBe('value');
  });

  test('comes back after kill -9, every time, with all that was acknowledged', async () => {
    const { server, messages } = await start(scratch());
    const redis = client(server);
    let restarts = 0;
    server.onRestart(() => {
      restarts += 1;
    });
    for (let round = 1; round <= 3; round += 1) {
      await redis.rpush('list', round);
      process.kill(server.pid() ?? 0, 'SIGKILL');
      await until(() => restarts === round);
      expect(await redis.lrange('list', 0, -1)).toEqual(Array.from({ length: round }, (_, index) => String(index + 1)));
    }
    expect(messages.filter((message) => message.includes('ended unexpectedly (SIGKILL)'))).toHaveLength(3);
  });

  test('a stop while Redis is being restarted leaves none', async () => {
    const directory = scratch();
    const { server } = await start(directory);
    process.kill(server.pid() ?? 0, 'SIGKILL');
    await until(() => server.pid() === null);
    await server.stop();
    expect(server.pid()).toBe(null);
    expect(existsSync(join(directory, 'redis', 'redis.sock')) && !(await refuses(server))).toBe(false);
  });

  test('works where the path of the data directory is too long for a socket, and after a restart there', async () => {
    const directory = join(scratch(), 'd'.repeat(120), 'ü'.repeat(50));
    const { server } = await start(directory);
    expect(Buffer.byteLength(server.options.path)).toBeLessThanOrEqual(107);
    const redis = client(server);
    await redis.set('key', 'value');
    let restarted = false;
    server.onRestart(() => {
      restarted = true;
    });
    process.kill(server.pid() ?? 0, 'SIGKILL');
    await until(() => restarted);
    expect(await redis.get('key')).toBe('value');
    await server.stop();
    expect(existsSync(join(directory, 'redis', 'redis.sock'))).toBe(false);
  });

  test('says that redis-server is missing, and what to do', async () => {
    const { says } = await owner(scratch(), { PATH: '/nonexistent' });
    expect(says.error).toEqual({
      code: 'store-unavailable',
      message: 'redis-server is not installed or not in PATH, so the private Redis cannot be started.',
      hint: expect.stringMatching(/apt-get install redis-server.*--redis-url/),
    });
  });

  test('quotes Redis when its data cannot be read', async () => {
    const directory = scratch();
    const first = await start(directory);
    await client(first.server).set('key', 'value');
    await first.server.stop();
    const files = join(directory, 'redis', 'appendonlydir');
    const written = readdirSync(files).find((name) => name.endsWith('.incr.aof')) ?? '';
    writeFileSync(join(files, written), 'this is not an append-only file\n');
    await expect(start(directory)).rejects.toMatchObject({
      code: 'store-unavailable',
      message: expect.stringMatching(/did not come up \(ended, exit code 1\): its log ends with: .*Bad file format/),
    });
    expect(readdirSync(join(directory, 'redis')).filter((name) => name.startsWith('claim'))).toEqual([]);
  });

  test('a full disk is named, and Redis is back when there is space', async ({ skip }) => {
    const directory = scratch();
    // A small disk of its own, in a mount namespace that ends with the process.
    const mount = `mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" "$3" "$1"`;
    const child = spawn('unshare', ['--mount', 'sh', '-c', mount, 'sh', directory, process.execPath, OWNER], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let messages = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      messages += text;
    });
    const lines = createInterface(child.stdout);
    const said = await Promise.race([
      once(lines, 'line'),
      once(child, 'exit').then(() => null),
      once(child, 'error').then(() => null),
    ]);
    if (said === null)
      return skip(`SKIPPED: no file system can be mounted here, so a full disk was not tried: ${messages}`);
    onTestFinished(async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    });
    const inside = `/proc/${child.pid}/root${directory}`;
    const redis = new Redis({
      path: `${inside}/redis/redis.sock`,
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    });
    redis.on('error', () => undefined);
    onTestFinished(() => redis.disconnect());
    await redis.set('key', 'value');
    const filler = `${inside}/filler`;
    expect(() => writeFileSync(filler, Buffer.alloc(4_000_000))).toThrow(/ENOSPC/);
    void redis.set('big', 'x'.repeat(100_000));
    await until(() => messages.includes('ended unexpectedly'));
    expect(messages).toMatch(/the disk of .* is full, 0 MB free/);
    rmSync(filler);
    await until(() => messages.includes('is running again'));
    expect(await redis.get('key')).toBe('value');
    await redis.set('key', 'written again');
    expect(await redis.get('key')).toBe('written again');
  });
});
