import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, sep } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import { isMissing } from '../system/durable-file.ts';
import { isMountPoint } from '../system/mounts.ts';

const refuse = (path: string, why: string): never => {
  throw new RemoraError('bad-input', `The file "${path}" is refused: ${why}.`, {
    hint: 'Files go below the configuration directory of Elasticsearch, by a relative path.',
  });
};

const realOrNull = (path: string): Promise<string | null> =>
  realpath(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });

const isInside = (directory: string, path: string): boolean => path.startsWith(`${directory}${sep}`);

export interface PlannedPath {
  /** Where the file really is or will be. */
  readonly path: string;
  /** Directories that have to be made, outermost first. */
  readonly missingDirectories: readonly string[];
}

/**
 * Resolves a path that a coordinator gave, relative to the configuration directory. Refuses absolute paths, `..`, and symlinks that lead out of the
 * directory: Elasticsearch itself may not read files elsewhere, and an agent that runs as root must not be led to write there.
 */
export const planPath = async (configDir: string, given: string): Promise<PlannedPath> => {
  if (isAbsolute(given) || given.includes('\0')) return refuse(given, 'it is not a relative path');
  const relative = normalize(given);
  if (relative === '.' || relative.endsWith(sep) || relative.split(sep).includes('..')) {
    return refuse(given, 'it leads out of the configuration directory');
  }
  const root = await realpath(configDir);
  const missing: string[] = [];
  let parent = dirname(join(root, relative));
  let real = await realOrNull(parent);
  while (real === null) {
    missing.unshift(basename(parent));
    parent = dirname(parent);
    real = await realOrNull(parent);
  }
  if (real !== root && !isInside(root, real)) return refuse(given, `a symlink leads it to ${real}`);
  if (!(await stat(real)).isDirectory()) return refuse(given, `${real} is not a directory`);
  const missingDirectories = missing.map((_, index) => join(real, ...missing.slice(0, index + 1)));
  const path = join(real, ...missing, basename(relative));
  const target = await realOrNull(path);
  if (target !== null && !isInside(root, target)) return refuse(given, `it is a symlink to ${target}`);
  return { path: target ?? path, missingDirectories };
};

/** Why a file cannot be replaced by a rename, and what to do; null when it can. */
export const mountRefusal = (path: string): string | null =>
  isMountPoint(path)
    ? `${path} is a mount of its own (a bind mount), so it cannot be replaced by a rename: mount its directory instead.`
    : null;

/** Refuses what rename cannot replace. */
export const refuseMountPoint = (path: string): void => {
  const why = mountRefusal(path);
  if (why !== null) throw new RemoraError('node-read-only', why);
};
