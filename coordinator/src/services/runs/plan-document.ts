import { PLAN_VERSION } from '@remora/shared/model/plan.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import { observeRolls, type RollParts } from '../../observe/observe-rolls.ts';
import { settingsDiffs } from '../../observe/settings-diffs.ts';
import type { BatchOptions } from '../../plan/roll/batches.ts';
import { estimateOf } from '../../plan/roll/estimate.ts';
import { plannedBatches } from '../../plan/roll/planned-batches.ts';
import type { PlanDocument, StoredPlan } from '../../plan/steps.ts';

export interface DocumentParts extends RollParts {
  readonly inventory: Pick<ObserveParts['inventory'], 'restartTimes'>;
}

/** With the batches that the options make of its rolls at this moment, and how long they take. What the plan does, and its hash, stay. */
export const withBatches = async <P extends StoredPlan>(
  parts: DocumentParts,
  plan: P,
  { serial, batchBy, canary }: BatchOptions,
): Promise<P & Pick<PlanDocument, 'version' | 'roll' | 'batches' | 'estimate'>> => {
  const given = Object.entries({ serial, batchBy, canary }).filter(([, value]) => value !== undefined);
  const roll = Object.fromEntries(given) as BatchOptions;
  const [clusters, measured] = await Promise.all([
    observeRolls(parts, plan, roll),
    parts.inventory.restartTimes.list(),
  ]);
  const batches = plannedBatches(plan, clusters, roll);
  return { ...plan, version: PLAN_VERSION, roll, batches, estimate: estimateOf(batches, measured) };
};

/** The plan as people see it: with each elasticsearch.yml as a unified diff, its batches, and how long the restarts take. Changes nothing. */
export const documentOf = async (
  parts: DocumentParts & Pick<ObserveParts, 'agents'>,
  plan: StoredPlan,
  options: BatchOptions,
): Promise<PlanDocument> => {
  const steps = await settingsDiffs(parts, plan.steps);
  return withBatches(parts, { ...plan, steps }, options);
};
