import { open, rename, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const LOG_FILE = 'redis.log';
const LARGEST_LOG = 4 * 1024 * 1024;
const TAIL_BYTES = 8192;
const TAIL_LINES = 3;

/** Opens the log for one life of Redis. A large one is put aside first; one old log is kept. The caller closes the handle. */
export const openRedisLog = async (directory: string) => {
  const path = join(directory, LOG_FILE);
  const size = await stat(path).then(
    (facts) => facts.size,
    () => 0,
  );
  if (size > LARGEST_LOG) await rename(path, `${path}.1`);
  return open(path, 'a', 0o600);
};

/** The last messages that the Redis of this pid wrote, without pid, role and time (`123:M 23 Nov 2026 22:55:09.656 # message`). */
const lastWords = async (directory: string, pid: number): Promise<string[]> => {
  const handle = await open(join(directory, LOG_FILE), 'r').catch(() => null);
  if (handle === null) return [];
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    const own = lines.filter((line) => line.startsWith(`${pid}:`) && !line.includes('WARNING Memory overcommit'));
    return (own.length > 0 ? own : lines.filter((line) => line.trim() !== ''))
      .slice(-TAIL_LINES)
      .map((line) => line.replace(/^\d+:[A-Z] .*?\d\d:\d\d:\d\d\.\d+ [.\-*#] /, '').trim());
  } finally {
    await handle.close();
  }
};

export interface Death {
  readonly freeBytes: number | null;
  /** What Redis itself said last. */
  readonly said: readonly string[];
  /** A sentence's end: why, as far as log and disk tell. */
  readonly why: string;
}

/** Why a Redis ended, from its own log and the free space of its directory: under `appendfsync always` it exits when the disk is full. */
export const explainDeath = async (directory: string, pid: number): Promise<Death> => {
  const [said, freeBytes] = await Promise.all([
    lastWords(directory, pid),
    statfs(directory).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => null,
    ),
  ]);
  const full = said.some((line) => /no space left|quota exceeded/i.test(line)) || freeBytes === 0;
  const space = freeBytes === null ? '' : `, ${Math.floor(freeBytes / 1_000_000)} MB free`;
  const why = full ? `the disk of ${directory} is full${space}` : `its log ends with: ${said.join(' / ') || 'nothing'}`;
  return { freeBytes, said, why };
};
