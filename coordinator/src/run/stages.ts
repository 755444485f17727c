import type { AnyStep, Stage } from '../plan/steps.ts';
import { isGoingOn } from '../store/run-hash.ts';
import { isDone, runStep, type StepRunnerParts } from './run-step.ts';

/** Steps of one stage that run side by side. */
const PARALLEL = 10;

export interface StageParts extends StepRunnerParts {
  /** The step of a roll that comes next at this moment. */
  readonly nextInRoll: (pending: readonly AnyStep[]) => Promise<AnyStep | undefined>;
}

type StageRunner = (parts: StageParts, steps: readonly AnyStep[]) => Promise<void>;

const serial: StageRunner = async (parts, steps) => {
  for (const step of steps) await runStep(parts, step);
};

/** All that were begun end before the stage does, also when one fails. */
const parallel: StageRunner = async (parts, steps) => {
  const waiting = [...steps];
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step && failures.length === 0; step = waiting.shift()) {
      await runStep(parts, step).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, steps.length) }, lane));
  if (failures.length > 0) throw failures[0];
};

/** One node at a time; one that was interrupted first, since it may be down. */
const roll: StageRunner = async (parts, steps) => {
  const pending = [...steps];
  while (pending.length > 0) {
    const interrupted = pending.find((step) => isGoingOn(parts.writer.step(step.id).status));
    const step = interrupted ?? (await parts.nextInRoll(pending)) ?? pending[0];
    if (!step) return;
    await runStep(parts, step);
    pending.splice(pending.indexOf(step), 1);
  }
};

const runners: Readonly<Record<Stage['mode'], StageRunner>> = { serial, parallel, roll };

/** Runs what is not done yet of a stage; throws the first failure. */
export const runStage = (parts: StageParts, stage: Stage, steps: readonly AnyStep[]): Promise<void> =>
  runners[stage.mode](
    parts,
    steps.filter((step) => step.stage === stage.id && !isDone(parts, step)),
  );
