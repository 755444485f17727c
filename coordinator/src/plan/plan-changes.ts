import { withoutBaseline } from './context.ts';
import type { AnyStep, StoredPlan } from './steps.ts';

const asText = ({ input, diff }: AnyStep): string => JSON.stringify([input, diff], withoutBaseline);

const named = ({ target, kind }: AnyStep): string => `${target}, ${kind}`;

/** What another plan for the same wish does differently, a sentence for each step; empty when the plans do the same. */
export const planChanges = (before: Pick<StoredPlan, 'steps'>, after: Pick<StoredPlan, 'steps'>): string[] => {
  const then = new Map(before.steps.map((step) => [step.id, step]));
  const now = new Map(after.steps.map((step) => [step.id, step]));
  return [
    ...before.steps.filter(({ id }) => !now.has(id)).map((step) => `${named(step)}: is not needed any more`),
    ...after.steps.flatMap((step) => {
      const old = then.get(step.id);
      if (!old) return [`${named(step)}: is needed now, since ${step.reason}`];
      if (asText(old) === asText(step)) return [];
      return [`${named(step)}: would do something else now${old.diff === step.diff ? '' : `: ${step.diff}`}`];
    }),
  ];
};
