import { parseShare } from '@remora/shared/model/change-options.ts';
import type { StepError } from '@remora/shared/model/run.ts';
import type { AnyStep } from '../plan/steps.ts';
import { isGoingOn } from '../store/run-hash.ts';
import { haltIfCancelled, haltIfLate, RunHalted } from './halt.ts';
import { runNext, type StageParts } from './next-step.ts';
import { StepFailure } from './run-step.ts';

/** How many nodes of a roll may fail before no other one is begun. */
export const toleratedFailures = ({ writer }: Pick<StageParts, 'writer'>, steps: readonly AnyStep[]): number =>
  writer.options.maxFail === undefined ? 0 : parseShare(writer.options.maxFail, '--max-fail')(steps.length);

/** What is on record of those that failed. */
export const failuresOf = ({ writer }: Pick<StageParts, 'writer'>, steps: readonly AnyStep[]): StepError[] =>
  steps.flatMap(({ id }) => {
    const { status, error } = writer.step(id);
    return error && (status === 'failed' || status === 'undone') ? [error] : [];
  });

/**
 * Once the first node is restarted and well, somebody looks at it before anything follows. Asked before each node and after the last one, not after the
 * first: the driver may die in between.
 */
const pauseAfterCanary = ({ writer }: StageParts, steps: readonly AnyStep[]): void => {
  const first = steps.find(
    ({ id, target }) => writer.step(id).status === 'succeeded' && writer.restarts().includes(target),
  );
  if (!writer.options.canary || writer.continued || first === undefined) return;
  const message = `${first.target} is done; the rest waits for \`remora runs continue ${writer.runId}\``;
  throw new RunHalted('paused', message, null);
};

/** The node that comes next: one that was interrupted first, since it may be down; else the one that is right at this moment. */
const nextOf = async (
  parts: StageParts,
  steps: readonly AnyStep[],
  pending: readonly AnyStep[],
): Promise<AnyStep | undefined> => {
  const interrupted = pending.find((step) => isGoingOn(parts.writer.step(step.id).status));
  if (interrupted) return interrupted;
  await haltIfCancelled(parts);
  pauseAfterCanary(parts, steps);
  haltIfLate(parts.writer.options, parts.clock);
  return (await parts.nextInRoll(pending)) ?? pending[0];
};

/**
 * One node at a time. A node that fails does not take the others along while no more have failed than may; what comes after the roll needs all of them, so
 * the run ends then.
 */
export const runRoll = async (parts: StageParts, steps: readonly AnyStep[]): Promise<void> => {
  const tolerated = toleratedFailures(parts, steps);
  const pending = steps.filter(({ id }) => !['failed', 'undone', 'succeeded'].includes(parts.writer.step(id).status));
  while (pending.length > 0) {
    const step = await nextOf(parts, steps, pending);
    if (!step) break;
    pending.splice(pending.indexOf(step), 1);
    try {
      await runNext(parts, step);
    } catch (error) {
      if (!(error instanceof StepFailure) || failuresOf(parts, steps).length > tolerated) throw error;
    }
  }
  const [failure] = failuresOf(parts, steps);
  if (failure) throw new StepFailure(failure);
  await haltIfCancelled(parts);
  pauseAfterCanary(parts, steps);
};
