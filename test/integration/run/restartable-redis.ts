import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** A redis-server on a Unix socket that keeps everything as the private one does, and can be killed and started again. */
export interface RestartableRedis {
  readonly path: string;
  /** A connection of the test's own, closed by `stop`. */
  readonly redis: Redis;
  /** kill -9; what was acknowledged is on disk. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export const startRestartableRedis = async (...flags: string[]): Promise<RestartableRedis> => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-runs-'));
  const path = join(directory, 'redis.sock');
  let server: ChildProcess | null = null;
  const redis = new Redis({ path, retryStrategy: () => 20, maxRetriesPerRequest: null, lazyConnect: true });
  redis.on('error', () => undefined);
  const kill = async (): Promise<void> => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  const start = async (): Promise<void> => {
    const files = ['--port', '0', '--unixsocket', path, '--dir', directory, '--save', ''];
    server = spawn('redis-server', [...files, '--appendonly', 'yes', '--appendfsync', 'always', ...flags], {
      stdio: 'ignore',
    });
    await redis.ping();
  };
  await start();
  return {
    ...{ path, redis, kill, start },
    async stop() {
      redis.disconnect();
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
};
