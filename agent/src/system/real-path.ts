import { realpathSync } from 'node:fs';

/** Where a path leads; the path itself where that cannot be looked at. */
export const realPathOf = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};
