import { setTimeout as sleep } from 'node:timers/promises';
import { asRemoraError } from '@remora/shared/errors.ts';
import type { StepError } from '@remora/shared/model/run.ts';
import type { Clock } from '../clock.ts';
import type { AnyStep, StepInputs, StepKind } from '../plan/steps.ts';
import { isGoingOn, pendingStep } from '../store/runs/run-hash.ts';
import { isStoreFailure } from '../store/store-failure.ts';
import type { Executor, Executors } from './executor.ts';
import { stepEnd } from './run-audit.ts';
import type { RunWriter } from './run-writer.ts';
import { RunHalted, StepPostponed } from './stage/halt.ts';
import { type StepContextParts, stepContext } from './step-context.ts';
import { STOP_GRACE_MS, stopWith } from './stop-with.ts';

const STORE_PAUSE_MS = 1000;

export interface StepRunnerParts extends StepContextParts {
  readonly executors: Executors;
  readonly clock: Clock;
}

/** A step failed, and the run records it so. */
export class StepFailure extends Error {
  readonly error: StepError;

  constructor(error: StepError) {
    super(error.message);
    this.error = error;
  }
}

/** Whether a step needs nothing more. */
export const isDone = (parts: StepContextParts, step: AnyStep): boolean =>
  ['succeeded', 'skipped'].includes(parts.writer.step(step.id).status);

const execute = <K extends StepKind>(
  parts: StepRunnerParts,
  step: AnyStep & { readonly kind: K; readonly input: StepInputs[K] },
): Promise<unknown> => {
  const executor = parts.executors[step.kind] as Executor<K>;
  return executor(stepContext(parts, step), step.input);
};

/** Executes a step; again, as after a crash, when something of its own found Redis away. */
const executeThroughOutages = async (parts: StepRunnerParts, step: AnyStep): Promise<unknown> => {
  for (;;) {
    try {
      return await stopWith(parts.signal, STOP_GRACE_MS, execute(parts, step));
    } catch (error) {
      if (parts.signal.aborted || !isStoreFailure(error)) throw error;
      await sleep(STORE_PAUSE_MS, undefined, { signal: parts.signal });
    }
  }
};

/** Of a step that waited and began nothing: that was no attempt. */
export const unbegin = async (writer: RunWriter, { id }: AnyStep, message: string): Promise<void> => {
  const { attempts, kept } = writer.step(id);
  await writer.writeStep(id, { ...pendingStep, kept: kept ?? null, attempts: attempts - 1 }, message);
};

const begin = async ({ writer, clock }: StepRunnerParts, step: AnyStep): Promise<void> => {
  const { attempts, status, kept } = writer.step(step.id);
  if (status === 'waiting') await writer.writeStep(step.id, { status: 'running' }, null);
  if (isGoingOn(status)) return;
  const fresh = {
    ...pendingStep,
    kept: kept ?? null,
    status: 'running',
    attempts: attempts + 1,
    startedAt: clock().toISOString(),
  } as const;
  await writer.writeStep(step.id, fresh, step.reason);
};

/**
 * Runs a step and records how it ended. One that was interrupted is run again as the same attempt, with what it remembered, so that its delivery is the same
 * delivery; a new one begins an attempt. Throws StepFailure after it was recorded, RunHalted or StepPostponed when it has begun nothing, RunTakenOver, or the
 * signal's reason: then somebody goes on with it.
 */
export const runStep = async (parts: StepRunnerParts, step: AnyStep): Promise<void> => {
  const { writer, clock, signal } = parts;
  signal.throwIfAborted();
  await begin(parts, step);
  const end = { finishedAt: '', phase: null };
  try {
    const result = (await executeThroughOutages(parts, step)) ?? writer.step(step.id).result;
    end.finishedAt = clock().toISOString();
    const audit = stepEnd(step, { status: 'succeeded', error: null });
    await writer.writeStep(step.id, { ...end, status: 'succeeded', result }, 'done', audit);
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    if (thrown instanceof RunHalted || thrown instanceof StepPostponed) {
      await unbegin(writer, step, thrown.message);
      throw thrown;
    }
    const { code, message, hint } = asRemoraError(thrown);
    const error = { code, message, hint };
    end.finishedAt = clock().toISOString();
    // Whatever went wrong because somebody else drives the run by now: this write finds out, and throws RunTakenOver.
    const failed = { status: code === 'step-undone' ? 'undone' : 'failed', error } as const;
    await writer.writeStep(step.id, { ...end, ...failed }, message, stepEnd(step, failed));
    throw new StepFailure(error);
  }
};
