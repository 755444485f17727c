import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll } from 'vitest';

/** A real Redis for one test file, without persistence, gone after its last test. */
export const startRedis = async (): Promise<Redis> => {
  const directory = mkdtempSync(join(tmpdir(), 'remora-redis-'));
  const path = join(directory, 'redis.sock');
  const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', directory], {
    stdio: 'ignore',
  });
  const redis = new Redis({ path, retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  afterAll(async () => {
    redis.disconnect();
    server.kill();
    if (server.exitCode === null) await once(server, 'exit');
    rmSync(directory, { recursive: true, force: true });
  });
  await redis.ping();
  return redis;
};
