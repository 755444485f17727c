import { randomUUID } from 'node:crypto';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { FileState } from '../system/durable-file.ts';
import { freeBytes } from '../system/mounts.ts';

/** Elasticsearch and the agent both need some room beside what a step writes. */
const RESERVE_BYTES = 4 * 1024 * 1024;

const TRIAL = '.remora-trial-';

/**
 * Makes a file and removes it. Each call has a name of its own, for several may look at once. What a crash left behind goes with the next look; if that is
 * the file of a call beside this one, it does not mind.
 */
const tryToWrite = async (directory: string): Promise<void> => {
  const trial = join(directory, `${TRIAL}${randomUUID()}`);
  const handle = await open(trial, 'wx', 0o600);
  await handle.close();
  await rm(trial, { force: true });
  const left = (await readdir(directory)).filter((name) => name.startsWith(TRIAL));
  for (const name of left) await rm(join(directory, name), { force: true }).catch(() => undefined);
};

const refusalOf = async (directory: string, needBytes: number): Promise<string | null> => {
  try {
    const free = await freeBytes(directory);
    if (free < needBytes + RESERVE_BYTES) {
      return `${directory} has only ${Math.floor(free / 1024)} KB of free space`;
    }
    await tryToWrite(directory);
    return null;
  } catch (error) {
    return `${directory} cannot be written: ${messageOf(error)}`;
  }
};

/** Why files cannot be written in one of these directories, as a sentence; null when they can. Really tries: permissions, mounts and quotas lie. */
export const directoriesRefusal = async (directories: Iterable<string>, needBytes = 0): Promise<string | null> => {
  for (const directory of new Set(directories)) {
    const why = await refusalOf(directory, needBytes);
    if (why !== null) return why;
  }
  return null;
};

/** Refuses a file that this user could not give back its owner and group. */
export const refuseForeignOwner = (label: string, { uid, gid }: Pick<FileState, 'uid' | 'gid'>): void => {
  const me = process.geteuid?.() ?? 0;
  if (me === 0) return;
  const groups = [process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])];
  if (uid === me && groups.includes(gid)) return;
  throw new RemoraError(
    'node-read-only',
    `${label} belongs to user ${uid}, group ${gid}, and the agent runs as user ${me}: it could not keep that owner.`,
    { hint: 'Run the agent as root, or as the user that owns the configuration.' },
  );
};

/** Owner of a new file: as agent.yml says, else as elasticsearch.yml. */
export const newFileOwner = async (elasticsearch: {
  readonly owner?: { uid: number; gid: number };
  readonly settingsFile: string;
}): Promise<{ uid: number; gid: number }> => {
  const { uid, gid } = elasticsearch.owner ?? (await stat(elasticsearch.settingsFile));
  return { uid, gid };
};
