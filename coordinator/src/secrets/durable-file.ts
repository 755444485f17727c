import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;

const refused = (verb: string, path: string, error: unknown): RemoraError =>
  new RemoraError('data-directory', `${path} cannot be ${verb}: ${messageOf(error)}.`, {
    hint: `Check that the user who runs the coordinator may use ${dirname(path)} and that the disk has space.`,
    cause: error,
  });

/** Makes a rename or removal in a directory durable. */
export const syncDirectory = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Writes the whole content beside its destination and brings it to disk, so that what is put in place afterwards is never half a file. */
const stage = async (path: string, content: string, mode: number): Promise<string> => {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const handle = await open(temporary, 'wx', mode);
  try {
    await handle.writeFile(content);
    // The mode given to open is cut by the umask.
    await handle.chmod(mode);
    await handle.sync();
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
  return temporary;
};

/** Writes a file so that a crash at any instant leaves the old content or the new one. Throws `data-directory`. */
export const writeDurably = async (path: string, content: string, mode: number): Promise<void> => {
  try {
    const temporary = await stage(path, content, mode);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw refused('written', path, error);
  }
};

/**
 * The same for a file that must never be replaced, such as a key: answers false, and leaves the other content alone, when somebody else was first.
 * Throws `data-directory`.
 */
export const createDurably = async (path: string, content: string, mode: number): Promise<boolean> => {
  try {
    const temporary = await stage(path, content, mode);
    try {
      // Unlike rename, link fails when the name is taken.
      await link(temporary, path);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      await unlink(temporary);
    }
    await syncDirectory(dirname(path));
    return true;
  } catch (error) {
    throw refused('created', path, error);
  }
};

/** The text of a file, or null when there is none. Throws `data-directory` for anything else. */
export const readIfPresent = async (path: string): Promise<string | null> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw refused('read', path, error);
  }
};

/** Like `readIfPresent`, for keys: a file that the group or others may read is refused. */
export const readPrivateIfPresent = async (path: string): Promise<string | null> => {
  const text = await readIfPresent(path);
  if (text === null) return null;
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    throw new RemoraError(
      'data-directory',
      `${path} holds a key, but its mode ${(mode & 0o777).toString(8).padStart(4, '0')} lets the group or others at it.`,
      { hint: `Run \`chmod 600 ${path}\`, and consider whether somebody has read it already.` },
    );
  }
  return text;
};
