import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** A redis-server of its own, on a Unix socket in a temporary directory, writing everything to its AOF as the private one does. */
export interface TestRedis {
  /** A new connection; closed by `stop`. */
  connect(): Redis;
  /** Everything that was ever written, as the server keeps it on disk: the AOF's parts. */
  filesText(): Promise<string>;
  /** Stops the server without ending it: it answers nothing more. */
  freeze(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'remora-redis-'));
  const path = join(directory, 'redis.sock');
  const flags = ['--port', '0', '--unixsocket', path, '--dir', directory, '--save', ''];
  const server = spawn('redis-server', [...flags, '--appendonly', 'yes', '--appendfsync', 'always'], {
    stdio: 'ignore',
  });
  const ended = once(server, 'exit');
  const open: Redis[] = [];
  const connect = (): Redis => {
    const redis = new Redis({ path, retryStrategy: () => 20, maxRetriesPerRequest: null });
    redis.on('error', () => undefined); // the socket is not there in the first moments
    open.push(redis);
    return redis;
  };
  await connect().ping();
  return {
    connect,
    async filesText() {
      const names = await readdir(directory, { recursive: true, withFileTypes: true });
      const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      return (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n');
    },
    async freeze() {
      server.kill('SIGSTOP');
    },
    async stop() {
      for (const redis of open) redis.disconnect();
      server.kill('SIGKILL');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
