import { asRemoraError } from '@remora/shared/errors.ts';
import type { Clock } from '../clock.ts';
import type { AnyStep, StepInputs, StepKind } from '../plan/steps.ts';
import type { Executor, Executors } from './executor.ts';
import { type StepContextParts, stepContext } from './step-context.ts';

export interface StepRunnerParts extends StepContextParts {
  readonly executors: Executors;
  readonly clock: Clock;
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

/**
 * Runs a step and records how it ended. One that was interrupted is run again as the same attempt, with what it remembered, so that its delivery is the same
 * delivery; a new one begins an attempt. Throws the step's own error, after it was recorded.
 */
export const runStep = async (parts: StepRunnerParts, step: AnyStep): Promise<void> => {
  const { writer, clock, signal } = parts;
  signal.throwIfAborted();
  const state = writer.step(step.id);
  if (state.status !== 'running') {
    const fresh = {
      attempts: state.attempts + 1,
      startedAt: clock().toISOString(),
      finishedAt: null,
      error: null,
      phase: null,
      intent: null,
      before: null,
      result: null,
    };
    await writer.writeStep(step.id, { ...fresh, status: 'running' }, step.reason);
  }
  try {
    const result = (await execute(parts, step)) ?? null;
    await writer.writeStep(
      step.id,
      { status: 'succeeded', finishedAt: clock().toISOString(), phase: null, result },
      'done',
    );
  } catch (thrown) {
    // Handed over or taken over: the step has not failed, somebody goes on with it.
    if (signal.aborted) throw thrown;
    const error = asRemoraError(thrown);
    if (error.code === 'fence-stale') throw error;
    const { code, message, hint } = error;
    const status = code === 'step-undone' ? 'undone' : 'failed';
    await writer.writeStep(
      step.id,
      { status, finishedAt: clock().toISOString(), phase: null, error: { code, message, hint } },
      message,
    );
    throw error;
  }
};
