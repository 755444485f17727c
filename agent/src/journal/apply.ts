import { existsSync } from 'node:fs';
import { constants, mkdir, open, readFile, rename, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import { digestOfFile, replaceTogether, syncDirectory, temporaryOf } from '../system/durable-file.ts';
import { afterPath, type FileChange, type TransactionRecord } from './record.ts';

const contested = (label: string): RemoraError =>
  new RemoraError(
    'step-contested',
    `${label} was changed by somebody else while a step was changing it; it was left as it is.`,
  );

/** Whether a file is still to be put into place; a digest that is neither before nor after is somebody else's work. */
const isDue = async ({ path, label, before, after }: FileChange): Promise<boolean> => {
  const now = await digestOfFile(path);
  if (now === (after?.digest ?? null)) return false;
  if (now !== (before?.digest ?? null)) throw contested(label);
  return true;
};

/** Of a crash while a directory was made. One that is not empty is not ours any more, and stays. */
export const removeTemporaryDirectory = (path: string): Promise<void> =>
  rmdir(temporaryOf(path)).catch(() => undefined);

const giveAttributes = async (directory: string, uid: number, gid: number): Promise<void> => {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { mode } = await handle.stat();
    await handle.chown(uid, gid);
    // Explicitly, since the umask cut the mode given at creation; with the setgid bit that it has from its parent.
    await handle.chmod((mode & 0o2000) | 0o750);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** As with a file, the directory appears at its name with owner and mode as they must be: one that stands there is complete, or somebody else's. */
const makeDirectory = async ({ path, uid, gid }: TransactionRecord['directories'][number]): Promise<void> => {
  if (existsSync(path)) return;
  const temporary = temporaryOf(path);
  await removeTemporaryDirectory(path);
  await mkdir(temporary, { mode: 0o700 });
  try {
    await giveAttributes(temporary, uid, gid);
    await rename(temporary, path);
  } catch (error) {
    await removeTemporaryDirectory(path);
    throw error;
  }
  await syncDirectory(dirname(path));
};

/** Puts all files of a transaction into place, in their order and together; repeating it is a no-op. */
export const applyFiles = async (
  folder: string,
  record: TransactionRecord,
  progress: (phase: string) => void,
): Promise<void> => {
  for (const directory of record.directories) await makeDirectory(directory);
  await replaceTogether(async (put) => {
    for (const [index, change] of record.files.entries()) {
      const { path, label, after } = change;
      progress(`${after === null ? 'removing' : 'writing'} ${label}`);
      if (!(await isDue(change))) continue;
      await put(path, after && { bytes: await readFile(afterPath(folder, index)), wanted: after });
    }
  });
};
