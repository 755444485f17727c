import type { AnyStep } from '../../steps.ts';
import type { PastRun } from '../facts.ts';

/** A key that a run came to invalidate. */
interface EndedKey {
  readonly id: string;
  /** False where the call may not have reached its cluster. */
  readonly isCertain: boolean;
  readonly sentence: string;
  readonly hint: string;
}

const hint = 'What it made stays. `remora api-keys rotate LOCAL ALIAS` gives a connection another key.';

/** Ids of the keys that a step invalidates and that somebody uses; elsewhere than in `adopt` one that is revoked alone is one whose value nobody has. */
const idsOf = (step: AnyStep, { workflow }: PastRun['plan']): readonly string[] => {
  if (step.kind === 'api-keys.revoke') return step.input.ids;
  if (step.kind === 'api-key.invalidate') return [step.input.id];
  return step.kind === 'api-key.revoke' && workflow === 'adopt' ? [step.input.id] : [];
};

/** Keys that a run came to invalidate, which nobody can take back. */
export const endedKeys = ({ plan, steps }: PastRun): EndedKey[] =>
  plan.steps.flatMap((step) => {
    const past = steps.get(step.id);
    if (!past || past.attempts === 0) return [];
    return idsOf(step, plan).map((id) => ({
      ...{ id, isCertain: past.status === 'succeeded', hint },
      sentence: `it invalidated API key ${id} of cluster ${step.target}, which nobody can make valid again.`,
    }));
  });
