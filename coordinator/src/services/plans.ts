import type { RollbackParts } from '../observe/observe-rollback.ts';
import type { PlanDocument } from '../plan/steps.ts';
import type { Services } from '../services.ts';
import { type CarryOutParts, carryOut } from './carry-out.ts';
import { confirmPlan } from './workflows.ts';

export interface PlanServiceParts extends RollbackParts, CarryOutParts {
  readonly plan: (planId: string) => Promise<PlanDocument>;
  readonly plans: () => Promise<PlanDocument[]>;
}

/** Plans that were made and shown, and may be carried out later. */
export const planService = (parts: PlanServiceParts): Services['plans'] => ({
  list: parts.plans,
  show: parts.plan,
  async apply(planId, request) {
    const plan = await parts.plan(planId);
    return carryOut(parts, request, () => confirmPlan(parts)(plan));
  },
});
