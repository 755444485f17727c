import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { RollbackParts } from '../../observe/observe-rollback.ts';
import type { PlanDocument } from '../../plan/steps.ts';
import type { Services } from '../../services.ts';
import type { Page } from '../../store/page.ts';
import { type CarryOutParts, carryOut } from './carry-out.ts';
import { withBatches } from './plan-document.ts';
import { planFor } from './refuse-options.ts';
import { confirmPlan } from './workflows.ts';

export interface PlanServiceParts extends RollbackParts, CarryOutParts {
  readonly plan: (planId: string) => Promise<PlanDocument>;
  readonly plans: (page: Page) => Promise<PlanDocument[]>;
}

/** A plan is carried out in the batches that it was shown with, unless it is told others. A canary stays: a pause too many does no harm. */
const asShown = ({ roll }: PlanDocument, change: ChangeOptions): ChangeOptions => {
  const { canary, ...batches } = roll;
  const isToldOthers = change.serial !== undefined || change.batchBy !== undefined;
  return { ...(canary ? { canary } : {}), ...(isToldOthers ? {} : batches), ...change };
};

/** Plans that were made and shown, and may be carried out later. */
export const planService = (parts: PlanServiceParts): Services['plans'] => ({
  list: parts.plans,
  show: parts.plan,
  async preview(planId, change) {
    const plan = await parts.plan(planId);
    const options = asShown(plan, change);
    return withBatches(parts, await planFor(parts, options, async () => plan), options);
  },
  async apply(planId, request) {
    const plan = await parts.plan(planId);
    return carryOut(parts, { ...request, change: asShown(plan, request.change) }, () => confirmPlan(parts)(plan));
  },
});
