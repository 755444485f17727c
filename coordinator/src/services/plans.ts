import type { RollbackParts } from '../observe/observe-rollback.ts';
import type { StoredPlan } from '../plan/steps.ts';
import type { Services } from '../services.ts';
import { type CarryOutParts, carryOut } from './carry-out.ts';
import type { ConnectionServiceParts } from './connections.ts';
import { confirmPlan, makePlan } from './workflows.ts';

export interface PlanServiceParts extends RollbackParts, CarryOutParts {
  readonly plan: (planId: string) => Promise<StoredPlan>;
  readonly plans: () => Promise<StoredPlan[]>;
}

/** What a change that is a plan alone offers: to see the plan, and to carry it out at once. */
export const restartService = (
  parts: RollbackParts & CarryOutParts & Pick<ConnectionServiceParts, 'newPlanId' | 'savePlan'>,
): Services['restarts'] => ({
  async plan(wish) {
    const plan = await makePlan(parts, 'restart', wish, parts.newPlanId());
    await parts.savePlan(plan);
    return plan;
  },
  start: (wish, request) => carryOut(parts, request, () => makePlan(parts, 'restart', wish, parts.newPlanId())),
});

/** Plans that were made and shown, and may be carried out later. */
export const planService = (parts: PlanServiceParts): Services['plans'] => ({
  list: parts.plans,
  show: parts.plan,
  async apply(planId, request) {
    const plan = await parts.plan(planId);
    return carryOut(parts, request, () => confirmPlan(parts)(plan));
  },
});
