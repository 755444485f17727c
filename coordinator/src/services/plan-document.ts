import { PLAN_VERSION } from '@remora/shared/model/plan.ts';
import type { ObserveParts } from '../observe/observe-nodes.ts';
import { settingsDiffs } from '../observe/settings-diffs.ts';
import { estimateOf } from '../plan/estimate.ts';
import type { PlanDocument, StoredPlan } from '../plan/steps.ts';

/** The plan as people see it: with each elasticsearch.yml as a unified diff, and how long the restarts take. What it does, and its hash, stay. Changes nothing. */
export const documentOf = async (parts: ObserveParts, plan: StoredPlan): Promise<PlanDocument> => {
  const [steps, measured] = await Promise.all([settingsDiffs(parts, plan.steps), parts.inventory.restartTimes.list()]);
  return { ...plan, version: PLAN_VERSION, steps, estimate: estimateOf(plan, measured) };
};
