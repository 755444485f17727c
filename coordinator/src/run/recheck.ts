import { setTimeout as sleep } from 'node:timers/promises';
import { asRemoraError } from '@remora/shared/errors.ts';
import { formatDuration } from '@remora/shared/model/values/duration.ts';
import { limitOf } from '../limit.ts';
import { isUnseen } from '../plan/node/node-step.ts';
import type { StoredPlan } from '../plan/steps.ts';
import { hasBegun, type RunRecord } from '../store/runs/run-hash.ts';
import { outlast } from './outlast.ts';
import { StepFailure } from './run-step.ts';
import { haltIfCancelled } from './stage/halt.ts';
import { mayPass, PLAN_LIMIT_MS } from './stage/may-pass.ts';
import type { StageParts } from './stage/next-step.ts';

const AGAIN_MS = 2000;

/**
 * Throws StepFailure when a run that had to wait must not begin any more; tries again what may pass, and throws RunHalted when it is cancelled meanwhile. Nodes
 * that the plan saw through their cluster alone are left out: a step looks at the process itself and leaves one that was restarted since, while a plan of all of
 * them would be stale with the first.
 */
export const refuseStale = async (
  parts: StageParts & { readonly recheck?: (plan: StoredPlan) => Promise<unknown> },
  record: RunRecord,
  plan: StoredPlan,
): Promise<void> => {
  const { recheck, writer, signal } = parts;
  const nodes = plan.steps.filter(({ kind }) => kind === 'node.change');
  const isLookedAt = nodes.length > 0 && nodes.every(isUnseen);
  if (!recheck || !record.waited || hasBegun(record) || isLookedAt) return;
  const limit = limitOf(PLAN_LIMIT_MS);
  for (let told = ''; ; ) {
    await haltIfCancelled(parts);
    try {
      await outlast(signal, () => recheck(plan));
      return;
    } catch (error) {
      signal.throwIfAborted();
      const { code, message, hint } = asRemoraError(error);
      if (!mayPass(error) || limit.isOver()) throw new StepFailure({ code, message, hint });
      const text = `cannot begin: ${message} It is tried again for ${formatDuration(PLAN_LIMIT_MS)}`;
      if (text !== told) await writer.write({}, { type: 'run', stepId: null, status: 'running', message: text });
      told = text;
      await sleep(AGAIN_MS, undefined, { signal });
    }
  }
};
