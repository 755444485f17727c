import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../coordinator/src/store/private-redis/private-redis.ts';

export const OWNER = join(import.meta.dirname, 'private-redis-owner.ts');

export const scratch = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'remora-redis-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

export const start = async (directory: string): Promise<{ server: PrivateRedis; messages: string[] }> => {
  const messages: string[] = [];
  const note = (_: object, message: string): number => messages.push(message);
  const server = await startPrivateRedis({ directory, log: { info: note, warn: note, error: note } });
  onTestFinished(() => server.stop());
  return { server, messages };
};

export const client = (server: PrivateRedis): Redis => {
  const redis = new Redis({ ...server.options, retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  return redis;
};

export const isRunning = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(10);
};

interface OwnerSays {
  readonly redis?: number;
  readonly adopted?: boolean;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

/** A process of its own that owns the Redis, and what it said first. Whatever is left of both ends with the test. */
export const owner = async (
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
