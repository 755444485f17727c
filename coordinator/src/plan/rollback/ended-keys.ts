import type { PastRun } from './facts.ts';

/** A key that a run came to invalidate. */
interface EndedKey {
  readonly id: string;
  /** False where the call may not have reached its cluster. */
  readonly isCertain: boolean;
  readonly sentence: string;
  readonly hint: string;
}

const hint = 'What it made stays. `remora api-keys rotate LOCAL ALIAS` gives a connection another key.';

/** Keys that a run came to invalidate, which nobody can take back. */
export const endedKeys = ({ plan, steps }: PastRun): EndedKey[] =>
  plan.steps.flatMap((step) => {
    const past = steps.get(step.id);
    // Those that nobody knows are no loss.
    const isRevoked = step.kind === 'api-key.revoke' && plan.workflow === 'revoke-key';
    if ((step.kind !== 'api-key.invalidate' && !isRevoked) || !past || past.attempts === 0) return [];
    const { id, cluster } = step.input;
    const sentence = `it invalidated API key ${id} of cluster ${cluster}, which nobody can make valid again.`;
    return [{ id, isCertain: past.status === 'succeeded', sentence, hint }];
  });
