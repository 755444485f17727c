import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { FileState } from '../system/durable-file.ts';
import { freeBytes } from '../system/mounts.ts';

/** Elasticsearch and the agent both need some room beside what a step writes. */
const RESERVE_BYTES = 4 * 1024 * 1024;

/** Why files cannot be written in the configuration directory, as a sentence; null when they can. Really tries: permissions, mounts and quotas lie. */
export const configDirRefusal = async (configDir: string, needBytes = 0): Promise<string | null> => {
  const trial = join(configDir, `.remora-trial-${process.pid}`);
  try {
    const free = await freeBytes(configDir);
    if (free < needBytes + RESERVE_BYTES) {
      return `${configDir} has only ${Math.floor(free / 1024)} KB of free space`;
    }
    await rm(trial, { force: true });
    const handle = await open(trial, 'wx', 0o600);
    await handle.close();
    await rm(trial);
    return null;
  } catch (error) {
    await rm(trial, { force: true }).catch(() => undefined);
    return `${configDir} cannot be written: ${messageOf(error)}`;
  }
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
