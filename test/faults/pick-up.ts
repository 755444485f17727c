import { setTimeout as sleep } from 'node:timers/promises';
import { keys } from '../../coordinator/src/store/keys.ts';
import type { FaultName } from './faults.ts';
import { isEvent, type Watcher } from './moments.ts';
import type { Stack } from './stack/stack.ts';

/** Measures from now on how long it takes until a run goes on. */
export interface PickUp {
  /** In ms; null when it was not seen to go on until now. */
  measured(): number | null;
  stop(): void;
}

const POLL_MS = 10;

/** Until the run has another fence: its driver is gone, and somebody has to take it. */
const untilTaken = async (stack: Stack, runId: string): Promise<PickUp> => {
  const redis = stack.redis();
  const fence = () => redis.hget(keys.run(runId), 'fence').catch(() => null);
  const before = await fence();
  const beganAt = performance.now();
  let took: number | null = null;
  let isStopped = false;
  const look = async (): Promise<void> => {
    while (!isStopped && took === null) {
      const now = await fence();
      if (now !== null && now !== before) took = Math.round(performance.now() - beganAt);
      else await sleep(POLL_MS);
    }
  };
  void look();
  return {
    measured: () => took,
    stop: () => {
      isStopped = true;
      redis.disconnect();
    },
  };
};

/** Until the next event of the run. */
const untilEvent = (watcher: Watcher): PickUp => {
  const seen = watcher.moments.length;
  const beganAt = Date.now();
  return {
    measured: () => {
      const next = watcher.moments.slice(seen).find((moment) => isEvent(moment) && moment.at > beganAt);
      return next === undefined ? null : next.at - beganAt;
    },
    stop: () => undefined,
  };
};

export const measurePickUp = async (
  stack: Stack,
  runId: string,
  watcher: Watcher,
  fault: FaultName,
): Promise<PickUp> => (fault.startsWith('coordinator') ? untilTaken(stack, runId) : untilEvent(watcher));
