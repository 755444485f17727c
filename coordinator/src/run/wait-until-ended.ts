import { isAtRest, type Run } from '@remora/shared/model/run.ts';
import type { EventWakeUps } from './event-wake-ups.ts';

/** A wake-up may be lost with a connection, so it is never the only way. */
const LOOK_AGAIN_MS = 2000;

const wakeOrTime = (subscribe: EventWakeUps['subscribe'], runId: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const settle = (): void => {
      unsubscribe();
      clearTimeout(timer);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const unsubscribe = subscribe(runId, settle);
    const timer = setTimeout(settle, LOOK_AGAIN_MS);
    signal.addEventListener('abort', settle, { once: true });
  });

/** The run once it has ended or pauses; rejects with the signal's reason. */
export const waitUntilEnded = async (
  view: (runId: string) => Promise<Run>,
  subscribe: EventWakeUps['subscribe'],
  runId: string,
  signal: AbortSignal,
): Promise<Run> => {
  for (;;) {
    signal.throwIfAborted();
    const woken = wakeOrTime(subscribe, runId, signal);
    const run = await view(runId);
    if (isAtRest(run.status)) return run;
    await woken;
  }
};
