import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { RunTakenOver } from './run-writer.ts';
import { putBack, type StepContextParts } from './step-context.ts';

const RETRY_MS = [1000, 2000, 5000, 10_000, 30_000] as const;

type RestoreParts = Pick<StepContextParts, 'writer' | 'restorers' | 'signal'>;

/** What to do about it, where the error says more than that it may pass. */
const hintOf = (error: unknown): string => (error instanceof RemoraError && error.hint !== '' ? ` ${error.hint}` : '');

/** Tries once to put one thing back; answers null, or a sentence that says why it could not be, and what to do. */
export const tryRestore = async (parts: RestoreParts, name: string): Promise<string | null> => {
  parts.signal.throwIfAborted();
  try {
    await putBack(parts, name);
    return null;
  } catch (error) {
    if (parts.signal.aborted || error instanceof RunTakenOver) throw error;
    return `${name} could not be put back: ${messageOf(error).replace(/\.$/, '')}.${hintOf(error)}`;
  }
};

/** Tries once to put back everything that is recorded; answers a sentence for each thing that could not be. */
export const tryRestores = async (parts: RestoreParts): Promise<string[]> => {
  const failures: string[] = [];
  for (const name of [...parts.writer.restores().keys()]) {
    const failure = await tryRestore(parts, name);
    if (failure !== null) failures.push(failure);
  }
  return failures;
};

/** Puts back whatever is recorded, again and again until it is: the run's locks stay until then. `tell` is called when what is in the way changes. */
export const restoreAll = async (parts: RestoreParts, tell: (message: string) => Promise<void>): Promise<void> => {
  let told = '';
  for (let attempt = 0; ; attempt += 1) {
    const failures = await tryRestores(parts);
    if (failures.length === 0) return;
    const message = `${failures.join(' ')} It is tried again until it succeeds, and the clusters stay locked until then`;
    if (message !== told) await tell(message);
    told = message;
    await sleep(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)], undefined, { signal: parts.signal });
  }
};
