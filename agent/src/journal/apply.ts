import { chown, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import { digestOfFile, removeDurably, syncDirectory, writeDurably } from '../system/durable-file.ts';
import { afterPath, type FileChange, type TransactionRecord } from './record.ts';

const contested = (label: string): RemoraError =>
  new RemoraError(
    'step-contested',
    `${label} was changed by somebody else while a step was changing it; it was left as it is.`,
  );

/** Puts one file into place. Repeating it is a no-op; a digest that is neither before nor after is somebody else's work. */
const applyFile = async (folder: string, change: FileChange, index: number): Promise<void> => {
  const now = await digestOfFile(change.path);
  if (now === (change.after?.digest ?? null)) return;
  if (now !== (change.before?.digest ?? null)) throw contested(change.label);
  if (change.after === null) await removeDurably(change.path);
  else {
    await writeDurably(change.path, await readFile(afterPath(folder, index)), change.after, { keepAttributes: true });
  }
};

const makeDirectory = async ({ path, uid, gid }: TransactionRecord['directories'][number]): Promise<void> => {
  try {
    await mkdir(path, { mode: 0o750 });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw error;
  }
  await chown(path, uid, gid);
  await syncDirectory(dirname(path));
};

/** Puts all files of a transaction into place, in their order. */
export const applyFiles = async (
  folder: string,
  record: TransactionRecord,
  progress: (phase: string) => void,
): Promise<void> => {
  for (const directory of record.directories) await makeDirectory(directory);
  for (const [index, change] of record.files.entries()) {
    progress(`${change.after === null ? 'removing' : 'writing'} ${change.label}`);
    await applyFile(folder, change, index);
  }
};
