import type { OperationResult } from '@remora/shared/operations.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import { nodeKey } from '../../../plan/node/node-id.ts';
import { withTime } from '../../../plan/roll/estimate.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import type { Executor, StepContext } from '../../executor.ts';
import type { StepParts } from '../parts.ts';

/** When the agent began to stop the node, by `performance.now()`; null when the delivery restarted none. */
const stoppedAt = ({ operations }: StepInputs['node.change'], { outcome, results }: Result): number | null => {
  const service = outcome === 'done' ? operations.findIndex(({ name }) => name === 'service') : -1;
  const restart = results[service] as OperationResult<'service'> | null | undefined;
  return restart ? performance.now() - restart.stopMs - restart.startMs : null;
};

/**
 * Files how long a node's restart took, from its stop until the cluster had recovered. Only of one that this driver saw from end to end: who takes a step
 * over, or resumes it, does not know when the node stopped.
 */
export const measured =
  (
    { inventory, clock }: Pick<StepParts, 'inventory' | 'clock'>,
    execute: Executor<'node.change'>,
  ): Executor<'node.change'> =>
  async (context, change) => {
    let began: number | null = null;
    const watched: StepContext = {
      ...context,
      async change(...delivery) {
        const result = await context.change(...delivery);
        began = stoppedAt(change, result);
        return result;
      },
    };
    const seen = context.memory.intent === null;
    const result = await execute(watched, change);
    if (!seen || began === null) return result;
    const time = { at: clock().toISOString(), ms: Math.max(0, Math.round(performance.now() - began)) };
    const key = nodeKey(change);
    await context.file('restartTimes', key, withTime(await inventory.restartTimes.get(key), change, time));
    return result;
  };
