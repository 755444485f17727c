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
    if ((step.kind !== 'api-key.invalidate' && step.kind !== 'api-keys.revoke') || !past || past.attempts === 0)
      return [];
    const { cluster } = step.input;
    return (step.kind === 'api-keys.revoke' ? step.input.ids : [step.input.id]).map((id) => ({
      ...{ id, isCertain: past.status === 'succeeded', hint },
      sentence: `it invalidated API key ${id} of cluster ${cluster}, which nobody can make valid again.`,
    }));
  });
