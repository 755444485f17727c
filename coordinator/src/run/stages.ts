import type { AnyStep, Stage } from '../plan/steps.ts';
import { isGoingOn } from '../store/run-hash.ts';
import { haltIfCancelled } from './halt.ts';
import { runRoll } from './roll-stage.ts';
import { isDone, runStep, StepFailure, type StepRunnerParts } from './run-step.ts';

/** Steps of one stage that run side by side. */
const PARALLEL = 10;

export interface StageParts extends StepRunnerParts {
  /** The step of a roll that comes next at this moment. */
  readonly nextInRoll: (pending: readonly AnyStep[]) => Promise<AnyStep | undefined>;
}

type StageRunner = (parts: StageParts, steps: readonly AnyStep[]) => Promise<void>;

/** One step, unless the run is to stop before it. One that was begun is brought to its end. */
const runNext = async (parts: StageParts, step: AnyStep): Promise<void> => {
  if (isDone(parts, step)) return;
  if (!isGoingOn(parts.writer.step(step.id).status)) await haltIfCancelled(parts);
  await runStep(parts, step);
};

const serial: StageRunner = async (parts, steps) => {
  for (const step of steps) await runNext(parts, step);
};

/** All that were begun end before the stage does, also when one fails. */
const parallel: StageRunner = async (parts, steps) => {
  const waiting = [...steps];
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step && failures.length === 0; step = waiting.shift()) {
      await runNext(parts, step).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, steps.length) }, lane));
  // What failed counts more than that somebody wanted to stop.
  if (failures.length > 0) throw failures.find((failure) => failure instanceof StepFailure) ?? failures[0];
};

const runners: Readonly<Record<Stage['mode'], StageRunner>> = {
  serial,
  parallel,
  roll: (parts, steps) => runRoll(parts, steps, runNext),
};

/** Runs what is not done yet of a stage. Throws the first failure as StepFailure, and RunHalted when the run is to stop. */
export const runStage = (parts: StageParts, stage: Stage, steps: readonly AnyStep[]): Promise<void> =>
  runners[stage.mode](
    parts,
    steps.filter((step) => step.stage === stage.id),
  );
