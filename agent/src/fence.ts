import { readFile } from 'node:fs/promises';
import { createMutex } from './mutex.ts';
import { isMissing, writePrivate } from './system/durable-file.ts';

/** The highest fence that this agent has seen, on disk before anything that it allows is done: a driver that lost its run is refused even after a restart. */
export interface Fence {
  highest(): number;
  /** Takes a fence; false when a higher one was seen before. */
  admit(fence: number): Promise<boolean>;
}

export const openFence = async (path: string): Promise<Fence> => {
  let highest = await readFile(path, 'utf8').then(
    (text) => Number.parseInt(text, 10),
    (error: unknown) => {
      if (isMissing(error)) return 0;
      throw error;
    },
  );
  if (!Number.isSafeInteger(highest)) throw new Error(`${path} does not hold a number`);
  const oneAtATime = createMutex();
  return {
    highest: () => highest,
    admit: (fence) =>
      oneAtATime(async () => {
        if (fence < highest) return false;
        if (fence > highest) {
          await writePrivate(path, `${fence}\n`);
          highest = fence;
        }
        return true;
      }),
  };
};
