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

/** Descriptor 3 of a program that is run with `inherit`: whoever owns the directory may have put a symlink at the file's name since. */
const OPEN_FILE = '/proc/self/fd/3';

/**
 * Not with `cp --preserve=context`, which labels the link in /proc and not the file, and fails. A label that is right already, as by the rules of the
 * directory it mostly is, needs no call that a mount with one label for all its files refuses.
 */
const copyLabel = async (from: string, to: FileHandle): Promise<void> => {
  const options = { inherit: to.fd, timeoutMs: 10_000 };
  const looked = await run('stat', ['-L', '-c', '%C', '--', from, OPEN_FILE], options);
  const [wanted, now] = looked.stdout.split('\n');
  if (looked.code === 0 && wanted === now) return;
  const ended = await run('chcon', [`--reference=${from}`, '--', OPEN_FILE], options);
  if (ended.code !== 0) throw new Error(`the SELinux label of ${from} cannot be kept: ${ended.stderr.trim()}`);
};

/**
 * Takes over the ACL and the SELinux label of the file that is to be replaced. Node has no calls for extended attributes, so coreutils does it:
 * `cp --preserve=mode` carries the ACL. Without a file to copy from, the directory's default ACL and label apply by themselves.
 */
const copyAttributes = async (from: string, to: FileHandle, selinux: boolean): Promise<void> => {
  // A cp without these options (busybox) is no reason to fail: owner and mode are given below, and such systems seldom have ACLs.
  await run('cp', ['--attributes-only', '--preserve=mode,ownership', '--', from, OPEN_FILE], {
    inherit: to.fd,
    timeoutMs: 10_000,
  });
  if (selinux) await copyLabel(from, to);
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

type Wanted = { readonly uid: number; readonly gid: number; readonly mode: number };

interface Attributes {
  /** ACL and SELinux label of the file that is replaced. */
  readonly keepAttributes?: boolean;
  readonly selinux?: boolean;
}

/** Writes what is to stand at a path whole beside it, under its temporary name, with fsync, owner and mode: a rename is all that is left to do. */
const writeBeside = async (
  path: string,
  bytes: Uint8Array,
  wanted: Wanted,
  { keepAttributes = false, selinux = existsSync('/sys/fs/selinux/enforce') }: Attributes = {},
): Promise<void> => {
  const temporary = temporaryOf(path);
  await rm(temporary, { force: true });
  try {
    // `wx` is O_EXCL: a symlink that somebody put at the temporary name is not followed.
    const handle = await open(temporary, 'wx', 0o600);
    try {
      if (keepAttributes && existsSync(path)) await copyAttributes(path, handle, selinux);
      await fill(handle, bytes, wanted);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
};

/** What is to stand at a path, keeping the attributes of what stands there; null removes it. */
type Put = (path: string, next: { readonly bytes: Uint8Array; readonly wanted: Wanted } | null) => Promise<void>;

/**
 * Replaces files so that all stand there anew or none: `stage` puts them in the order in which they are renamed, each written whole beside its place before the first
 * is. What belongs together, as a key and its certificate, stands there half for the moment between two renames alone.
 */
export const replaceTogether = async (stage: (put: Put) => Promise<void>): Promise<void> => {
  const staged: { readonly path: string; readonly isGone: boolean }[] = [];
  try {
    await stage(async (path, next) => {
      staged.push({ path, isGone: next === null });
      if (next) await writeBeside(path, next.bytes, next.wanted, { keepAttributes: true });
    });
    for (const { path, isGone } of staged) await (isGone ? rm(path, { force: true }) : rename(temporaryOf(path), path));
  } catch (error) {
    for (const { path } of staged) await rm(temporaryOf(path), { force: true });
    throw error;
  }
  for (const directory of new Set(staged.map(({ path }) => dirname(path)))) await syncDirectory(directory);
};

/**
 * Replaces or creates a file so that at any instant either the old or the new bytes stand there, also after a power failure: temporary file in the
 * same directory, fsync, owner and mode, rename, fsync of the directory. The path must be free of symlinks in its last part.
 */
export const writeDurably = async (
  path: string,
  bytes: Uint8Array,
  wanted: Wanted,
  attributes: Attributes = {},
): Promise<void> => {
  await writeBeside(path, bytes, wanted, attributes);
  try {
    await rename(temporaryOf(path), path);
  } catch (error) {
    await rm(temporaryOf(path), { force: true });
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
