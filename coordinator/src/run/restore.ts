import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { RunStatus } from '@remora/shared/model/run.ts';
import type { RunLog } from './drive.ts';
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

/** Tries once to put back everything that is recorded; answers, by name, a sentence for each thing that could not be. */
export const tryRestores = async (parts: RestoreParts): Promise<ReadonlyMap<string, string>> => {
  const failures = new Map<string, string>();
  for (const name of [...parts.writer.restores().keys()]) {
    const failure = await tryRestore(parts, name);
    if (failure !== null) failures.set(name, failure);
  }
  return failures;
};

/**
 * Puts back whatever is recorded, again and again until it is: the run's locks stay until then. What is in the way is told when it changes. `beforeRetry` may
 * throw to end the trying.
 */
export const restoreAll = async (
  parts: RestoreParts & { readonly log: Pick<RunLog, 'warn'> },
  status: RunStatus,
  beforeRetry: () => Promise<void> = async () => undefined,
): Promise<void> => {
  let told = '';
  for (let attempt = 0; ; attempt += 1) {
    const failures = await tryRestores(parts);
    if (failures.size === 0) return;
    const message = `${[...failures.values()].join(' ')} It is tried again until it succeeds, and the clusters stay locked until then`;
    if (message !== told) {
      parts.log.warn({ runId: parts.writer.runId }, message);
      await parts.writer.tellNotPutBack([...failures.keys()], status, message);
    }
    told = message;
    await beforeRetry();
    await sleep(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)], undefined, { signal: parts.signal });
  }
};
