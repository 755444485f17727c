import { setTimeout as sleep } from 'node:timers/promises';
import { isStoreFailure } from '../store/store-failure.ts';

const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

/**
 * Repeats what failed because Redis was away until it answers, or rejects with the signal: a driver outlasts an outage, since a step must not fail for it.
 * `act` may take effect more than once.
 */
export const outlast = async <T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> => {
  for (let pause = SHORTEST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await act();
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      await sleep(pause, undefined, { signal });
    }
  }
};
