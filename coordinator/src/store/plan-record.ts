import { RemoraError } from '@remora/shared/errors.ts';
import { PLAN_VERSION } from '@remora/shared/model/plan.ts';
import type { PlanDocument, StoredPlan } from '../plan/steps.ts';

/** A plan as text for the store, with the format that it has. */
export const writePlan = (plan: StoredPlan): string => JSON.stringify({ ...plan, version: PLAN_VERSION });

/** Whether a release that knows more made the plan; what it says might be misread here. */
const isNewer = ({ version }: { readonly version?: number }): boolean => (version ?? PLAN_VERSION) > PLAN_VERSION;

/** Reads what `writePlan` wrote; `what` names the plan in the refusals: `not-found`, and `plan-newer` of a newer format. */
export const readPlan = <P extends StoredPlan>(text: string | null, what: string): P => {
  if (text === null) throw new RemoraError('not-found', `There is no plan of ${what}.`);
  const plan = JSON.parse(text) as P & { readonly version?: number };
  if (!isNewer(plan)) return plan;
  throw new RemoraError(
    'plan-newer',
    `The plan of ${what} has format ${plan.version}, and this release reads formats up to ${PLAN_VERSION}.`,
  );
};

/** What the first plans of this format did not have: they were to restart node by node. */
const withDefaults = (plan: PlanDocument): PlanDocument => ({
  ...plan,
  roll: plan.roll ?? {},
  batches: plan.batches ?? [],
});

/** Reads a plan as people see it. Throws as `readPlan`. */
export const readDocument = (text: string | null, what: string): PlanDocument =>
  withDefaults(readPlan<PlanDocument>(text, what));

/** Reads several; those that ran out meanwhile or are of a newer format are left out. */
export const readDocuments = (texts: readonly (string | null)[]): PlanDocument[] =>
  texts
    .flatMap((text) => (text === null ? [] : [JSON.parse(text) as PlanDocument]))
    .filter((plan) => !isNewer(plan))
    .map(withDefaults);
