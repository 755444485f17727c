import { RemoraError } from '@remora/shared/errors.ts';
import { limitOf } from '../../limit.ts';
import type { StepContext } from '../executor.ts';

const AGAIN_MS = 500;
/** For what is so at once, or was so before: one slow answer is no verdict. */
export const ANSWER_LIMIT_MS = 30_000;

/** A node or a cluster that did not answer once, say while it collects garbage or elects a master, may answer next time. */
const isPassing = (error: unknown): error is RemoraError =>
  error instanceof RemoraError && ['elasticsearch-error', 'cluster-unreachable'].includes(error.code);

/**
 * Asks, every half second or after `againMs` of how often it did, until `ask` answers null: all is as it shall be. Until then it answers a clause that says what is not; a node or cluster that did not
 * answer counts as one. When `limitMs` is over, throws `step-failed` with what `sentence` makes of the last clause, and with the hint.
 */
export const askUntil = async (
  context: StepContext,
  limitMs: number,
  ask: () => Promise<string | null>,
  {
    sentence,
    hint,
    againMs = () => AGAIN_MS,
  }: {
    readonly sentence: (why: string) => string;
    readonly hint?: string;
    readonly againMs?: (asked: number) => number;
  },
): Promise<void> => {
  const limit = limitOf(limitMs);
  for (let asked = 0; ; asked += 1) {
    const why = await ask().catch((error: unknown) => {
      if (isPassing(error)) return error.message.replace(/\.$/, '');
      throw error;
    });
    if (why === null) return;
    if (limit.isOver()) throw new RemoraError('step-failed', sentence(why), hint === undefined ? {} : { hint });
    await context.sleep(againMs(asked));
  }
};
