import type { BatchLimits } from '../../plan/roll/batches.ts';
import type { AnyStep } from '../../plan/steps.ts';
import { isGoingOn } from '../../store/runs/run-hash.ts';
import { isDone, runStep, type StepRunnerParts } from '../run-step.ts';
import { haltIfCancelled, haltIfLate } from './halt.ts';

export interface StageParts extends StepRunnerParts {
  /** The steps of a roll that come next at this moment, side by side. */
  readonly nextInRoll: (pending: readonly AnyStep[], limits: BatchLimits) => Promise<readonly AnyStep[]>;
}

/** One step, unless the run is to stop before it. One that was begun is brought to its end. */
export const runNext = async (parts: StageParts, step: AnyStep): Promise<void> => {
  if (isDone(parts, step)) return;
  if (!isGoingOn(parts.writer.step(step.id).status)) {
    await haltIfCancelled(parts);
    if (step.kind === 'node.change') haltIfLate(parts.writer.options, parts.clock);
  }
  await runStep(parts, step);
};
