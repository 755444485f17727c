import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../coordinator/src/store/private-redis.ts';

const OWNER = join(import.meta.dirname, 'private-redis-owner.ts');

const scratch = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'remora-redis-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

const start = async (directory: string): Promise<{ server: PrivateRedis; messages: string[] }> => {
  const messages: string[] = [];
  const note = (_: object, message: string): number => messages.push(message);
  const server = await startPrivateRedis({ directory, log: { info: note, warn: note, error: note } });
  onTestFinished(() => server.stop());
  return { server, messages };
};

const client = (server: PrivateRedis): Redis => {
  const redis = new Redis({ ...server.options, retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  return redis;
};

const isRunning = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(10);
};

interface OwnerSays {
  readonly redis?: number;
  readonly adopted?: boolean;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

/** A process of its own that owns the Redis, and what it said first. Whatever is left of both ends with the test. */
const owner = async (
  directory: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ process: ChildProcess; says: OwnerSays }> => {
  const child = spawn(process.execPath, [OWNER, directory], { stdio: ['ignore', 'pipe', 'inherit'], env });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const says = JSON.parse(line) as OwnerSays;
  onTestFinished(() => {
    child.kill('SIGKILL');
    if (says.redis !== undefined && isRunning(says.redis)) process.kill(says.redis, 'SIGKILL');
  });
  return { process: child, says };
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

describe('the owner of a data directory', () => {
  test('was killed -9: the next one adopts its Redis, and stops it in the end', async () => {
    const directory = scratch();
    const killed = await owner(directory);
    killed.process.kill('SIGKILL');
    await once(killed.process, 'exit');
    const { server } = await start(directory);
    expect(server.adopted).toBe(true);
    expect(server.pid()).toBe(killed.says.redis);
    const redis = client(server);
    await redis.set('key', 'value');
    let restarted = false;
    server.onRestart(() => {
      restarted = true;
    });
    process.kill(killed.says.redis ?? 0, 'SIGKILL');
    await until(() => restarted);
    expect(await redis.get('key')).toBe('value');
    const pid = server.pid() ?? 0;
    await server.stop();
    expect(isRunning(pid)).toBe(false);
  });

  test('was killed -9 and its Redis hangs: that one is ended, and a new one started on the data', async () => {
    const directory = scratch();
    const killed = await owner(directory);
    const pid = killed.says.redis ?? 0;
    killed.process.kill('SIGKILL');
    await once(killed.process, 'exit');
    process.kill(pid, 'SIGSTOP');
    const { server, messages } = await start(directory);
    expect(server.adopted).toBe(false);
    expect(isRunning(pid)).toBe(false);
    expect(messages.join('\n')).toContain(`(pid ${pid}) does not answer`);
  });

  test('lives: another one is refused by name, and one in the same process too', async () => {
    const directory = scratch();
    const first = await owner(directory);
    const second = await owner(directory);
    expect(second.says.error).toMatchObject({
      code: 'data-directory',
      message: `Another coordinator (pid ${first.process.pid}) uses the data directory: ${directory}/redis is claimed.`,
    });
    expect(isRunning(first.says.redis ?? 0)).toBe(true);
    await expect(start(directory)).rejects.toThrow(`pid ${first.process.pid}`);
    const elsewhere = scratch();
    await start(elsewhere);
    await expect(start(elsewhere)).rejects.toThrow('This process has opened the data directory already.');
  });

  test('of several that start at once on what a dead one left, one at most wins, and there is one Redis', async () => {
    const directory = scratch();
    const dead = await owner(directory);
    process.kill(dead.says.redis ?? 0, 'SIGKILL');
    dead.process.kill('SIGKILL');
    await once(dead.process, 'exit');
    const all = await Promise.all(Array.from({ length: 5 }, () => owner(directory)));
    const winners = all.filter(({ says }) => says.redis !== undefined);
    expect(winners.length).toBeLessThanOrEqual(1);
    for (const { says } of all) if (says.error) expect(says.error.message).toMatch(/^Another coordinator \(pid /);
  });

  test('stops its Redis at SIGTERM, and Redis is in its process group', async () => {
    const { process: child, says } = await owner(scratch());
    const groupOf = (pid: number): string | undefined =>
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[2];
    expect(groupOf(says.redis ?? 0)).toBe(groupOf(child.pid ?? 0));
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(isRunning(says.redis ?? 0)).toBe(false);
  });

  test('a claim of a process id that was given to another process does not count', async () => {
    const directory = scratch();
    mkdirSync(join(directory, 'redis'), { mode: 0o700 });
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
    writeFileSync(join(directory, 'redis', `claim-1-999999999-${boot}`), '');
    writeFileSync(join(directory, 'redis', `claim-${process.ppid}-1-00000000`), '');
    await start(directory);
    expect(readdirSync(join(directory, 'redis')).filter((name) => name.startsWith('claim'))).toHaveLength(1);
  });
});
