import type { RollbackParts } from '../../observe/observe-rollback.ts';
import type { PlanDocument } from '../../plan/steps.ts';
import type { Change } from '../../services.ts';
import { type CarryOutParts, carryOut } from './carry-out.ts';
import { documentOf } from './plan-document.ts';
import { planFor } from './refuse-options.ts';
import { makePlan, type Wishes, type WorkflowName } from './workflows.ts';

export interface ChangeParts extends RollbackParts, CarryOutParts {
  readonly newPlanId: () => string;
  readonly savePlan: (plan: PlanDocument) => Promise<void>;
}

/** What every workflow offers: to see the plan, which is kept for `apply`, and to carry it out at once. */
export const changeOf = <N extends WorkflowName>(parts: ChangeParts, workflow: N): Change<Wishes[N]> => ({
  async plan(wish, options) {
    const made = await planFor(parts, options, () => makePlan(parts, workflow, wish, parts.newPlanId()));
    const plan = await documentOf(parts, made, options);
    await parts.savePlan(plan);
    return plan;
  },
  start: (wish, request) => carryOut(parts, request, () => makePlan(parts, workflow, wish, parts.newPlanId())),
});
