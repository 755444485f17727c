import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';

/** Mount points as /proc/self/mountinfo has them (proc(5)); blanks and backslashes come as octal escapes. */
const mountPoints = (): Set<string> => {
  try {
    return new Set(
      readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .flatMap((line) => line.split(' ')[4] ?? [])
        .map((path) =>
          path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
        ),
    );
  } catch {
    return new Set();
  }
};

/** Whether a file is a mount of its own (as a bind mount of one file into a container is): nothing can be renamed over it. */
export const isMountPoint = (realPath: string): boolean => mountPoints().has(realPath);

/** Bytes that this user may still write on the file system of a path. */
export const freeBytes = async (path: string): Promise<number> => {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
};
