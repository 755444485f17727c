import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';

export interface NewFile {
  readonly name: string;
  readonly content: Buffer;
  /** Readable by the user alone. */
  readonly secret: boolean;
}

const refuse = (path: string, error: unknown): never => {
  throw new RemoraError('bad-input', `${path} cannot be written: ${messageOf(error)}.`, { cause: error });
};

const taken = (paths: readonly string[]): RemoraError =>
  new RemoraError('bad-input', `${paths.join(', ')}: there already, and nothing is overwritten.`, {
    hint: 'Give another --out, or move them away.',
  });

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? false : refuse(path, error)),
  );

/** Makes the directory where there is none, and refuses names that are taken in it, before anything is made to be written there. */
export const prepareDirectory = async (directory: string, names: readonly string[]): Promise<void> => {
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => refuse(directory, error));
  const paths = names.map((name) => join(directory, name));
  const found = await Promise.all(paths.map(isThere));
  const there = paths.filter((_, index) => found[index]);
  if (there.length > 0) throw taken(there);
};

/** Writes a file whole or not at all, and never over another one; answers its path. */
export const writeNew = async (directory: string, { name, content, secret }: NewFile): Promise<string> => {
  const path = join(directory, name);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', secret ? 0o600 : 0o644);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike rename, link fails when the name is taken.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw taken([path]);
    return refuse(path, error);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
  return path;
};
