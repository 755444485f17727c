import { RemoraError } from '@remora/shared/errors.ts';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { RollbackParts } from '../observe/observe-rollback.ts';
import type { StoredPlan } from '../plan/steps.ts';
import type { Services } from '../services.ts';
import { type CarryOutParts, carryOut } from './carry-out.ts';
import { connectionViews } from './connection-views.ts';
import { makePlan } from './workflows.ts';

export interface ConnectionServiceParts extends RollbackParts, CarryOutParts {
  readonly newPlanId: () => string;
  readonly savePlan: (plan: StoredPlan) => Promise<void>;
}

export const connectionService = (parts: ConnectionServiceParts): Services['connections'] => {
  const one = async (local: string, alias: string): Promise<ConnectionView> => {
    await parts.clients.record(local);
    const [view] = await connectionViews(parts, local, alias);
    if (!view)
      throw new RemoraError('not-found', `Cluster ${local} has no connection "${alias}".`, {
        hint: 'See `remora connections list`.',
      });
    return view;
  };
  return {
    async plan(request) {
      const plan = await makePlan(parts, 'connect', request, parts.newPlanId());
      await parts.savePlan(plan);
      return plan;
    },
    connect: (wish, request) => carryOut(parts, request, () => makePlan(parts, 'connect', wish, parts.newPlanId())),
    list: () => connectionViews(parts),
    show: one,
    check: async (local, alias) =>
      local !== undefined && alias !== undefined ? [await one(local, alias)] : connectionViews(parts, local, alias),
  };
};
