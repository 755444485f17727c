import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from './exec.ts';

/** What a file is: its bytes by SHA-256 (lower-case hex), its owner and its permission bits. */
export interface FileState {
  readonly digest: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export const digestOf = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** The bytes and state of a file; null when there is none. Symlinks are followed. */
export const readWithState = async (path: string): Promise<{ bytes: Buffer; state: FileState } | null> => {
  try {
    const bytes = await readFile(path);
    const { uid, gid, mode } = await stat(path);
    return { bytes, state: { digest: digestOf(bytes), uid, gid, mode: mode & 0o7777 } };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
};

/** SHA-256 of a file; null when there is none. */
export const digestOfFile = async (path: string): Promise<string | null> => {
  try {
    return digestOf(await readFile(path));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
};

/** Makes a rename or removal in a directory durable. */
export const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** The temporary name is fixed, so that what a crash leaves behind is found and overwritten by the next write of the same file. */
export const temporaryOf = (path: string): string => join(dirname(path), `.${basename(path)}.remora-tmp`);

/**
 * Takes over the ACL and the SELinux label of the file that is to be replaced. Node has no calls for extended attributes, so coreutils' `cp` does it:
 * `--preserve=mode` carries the ACL. Without a file to copy from, the directory's default ACL and label apply by themselves.
 * The copy goes to the open file: whoever owns the directory may have put a symlink at its name since.
 */
const copyAttributes = async (from: string, to: FileHandle): Promise<void> => {
  const selinux = existsSync('/sys/fs/selinux/enforce');
  const preserve = `mode,ownership${selinux ? ',context' : ''}`;
  const ended = await run('cp', ['--attributes-only', `--preserve=${preserve}`, '--', from, '/proc/self/fd/3'], {
    inherit: to.fd,
    timeoutMs: 10_000,
  });
  // A cp without these options (busybox) comes with systems without SELinux; where a label must be kept, failing is better than losing it.
  if (ended.code !== 0 && selinux)
    throw new Error(`the SELinux label of ${from} cannot be kept: ${ended.stderr.trim()}`);
};

const fill = async (
  handle: FileHandle,
  bytes: Uint8Array,
  wanted: { uid: number; gid: number; mode: number },
): Promise<void> => {
  await handle.writeFile(bytes);
  const now = await handle.stat();
  if (now.uid !== wanted.uid || now.gid !== wanted.gid) await handle.chown(wanted.uid, wanted.gid);
  // After chown, which clears setuid bits; and explicitly, since the umask cut the mode given at creation.
  await handle.chmod(wanted.mode);
};

/**
 * Replaces or creates a file so that at any instant either the old or the new bytes stand there, also after a power failure: temporary file in the
 * same directory, fsync, owner and mode, rename, fsync of the directory. The path must be free of symlinks in its last part.
 */
export const writeDurably = async (
  path: string,
  bytes: Uint8Array,
  wanted: { uid: number; gid: number; mode: number },
  options: { keepAttributes: boolean } = { keepAttributes: false },
): Promise<void> => {
  const temporary = temporaryOf(path);
  await rm(temporary, { force: true });
  try {
    // `wx` is O_EXCL: a symlink that somebody put at the temporary name is not followed.
    const handle = await open(temporary, 'wx', 0o600);
    try {
      if (options.keepAttributes && existsSync(path)) await copyAttributes(path, handle);
      await fill(handle, bytes, wanted);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
};

/** Writes a file of the agent's own data directory: its user's, 0600. */
export const writePrivate = (path: string, content: string | Uint8Array): Promise<void> =>
  writeDurably(path, typeof content === 'string' ? Buffer.from(content) : content, {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    mode: 0o600,
  });

/** Removes a file durably; one that is not there is fine. */
export const removeDurably = async (path: string): Promise<void> => {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
};
