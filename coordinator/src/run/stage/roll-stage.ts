import { parseShare } from '@remora/shared/model/change-options.ts';
import type { StepError } from '@remora/shared/model/run.ts';
import { batchLimits, readyOf } from '../../plan/roll/batches.ts';
import type { AnyStep } from '../../plan/steps.ts';
import { isGoingOn } from '../../store/runs/run-hash.ts';
import { StepFailure } from '../run-step.ts';
import { Batch } from './batch.ts';
import { haltIfCancelled, haltIfLate, RunHalted, StepPostponed } from './halt.ts';
import { runNext, type StageParts } from './next-step.ts';
import { leaveOffline, waitsUntil } from './nodes-left.ts';

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
 * Once the first node is restarted and well, somebody looks at it before anything follows. Asked before each batch and after the last one, not after the
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

const isPending = ({ writer }: StageParts, { id }: AnyStep): boolean =>
  !['failed', 'undone', 'succeeded'].includes(writer.step(id).status);

/** Nodes whose restart may be under way: the driver that began it is gone. One that only waited at the gates has begun nothing. */
export const interruptedOf = ({ writer }: Pick<StageParts, 'writer'>, pending: readonly AnyStep[]): AnyStep[] =>
  pending.filter(({ id }) => isGoingOn(writer.step(id).status) && writer.step(id).intent !== null);

/** Of the nodes that are left those whose agents are connected now; all of them where that cannot be told. */
const onlineOf = async ({ isOnline }: StageParts, pending: readonly AnyStep[]): Promise<readonly AnyStep[]> => {
  if (!isOnline) return pending;
  const online = await Promise.all(
    pending.map((step) => (step.kind === 'node.change' ? isOnline(step.input).catch(() => false) : true)),
  );
  return pending.filter((_, index) => online[index]);
};

/** The nodes that come next: those that were interrupted first, since they may be down; else those that are right at this moment. */
const nextOf = async (
  parts: StageParts,
  steps: readonly AnyStep[],
  pending: readonly AnyStep[],
): Promise<readonly AnyStep[]> => {
  const interrupted = interruptedOf(parts, pending);
  if (interrupted.length > 0) return interrupted;
  await haltIfCancelled(parts);
  pauseAfterCanary(parts, steps);
  const { options, continued } = parts.writer;
  haltIfLate(options, parts.clock);
  const online = await onlineOf(parts, pending);
  const until = online.length === 0 ? waitsUntil(parts) : null;
  if (until !== null) return leaveOffline(parts, pending, until);
  const ready = readyOf(pending, online);
  const limits = batchLimits(options, { total: steps.length, left: pending.length, continued });
  const batch = await parts.nextInRoll(ready, limits);
  return batch.length > 0 ? batch : ready.slice(0, 1);
};

/** What ends the stage, of all that went wrong in a batch: that somebody else drives the run by now counts most, a failed node may be tolerated. */
const worstOf = (errors: readonly unknown[]): unknown =>
  errors.find((error) => !(error instanceof StepFailure || error instanceof RunHalted)) ??
  errors.find((error) => error instanceof RunHalted) ??
  errors[0];

/** Brings all nodes of a batch to their end, also when one fails; one that was begun too late stays pending. */
export const runBatch = async (parts: StageParts, steps: readonly AnyStep[]): Promise<void> => {
  const batch = new Batch(steps.flatMap((step) => (step.kind === 'node.change' ? [step.input] : [])));
  const one = async (step: AnyStep): Promise<void> => {
    try {
      await runNext({ ...parts, batch }, step);
    } finally {
      // Whatever became of it, the others do not wait for it any longer.
      batch.arrive(step.target, { isBack: true });
    }
  };
  const ended = await Promise.allSettled(steps.map(one));
  const errors = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  const counted = errors.filter((error) => !(error instanceof StepPostponed));
  if (counted.length > 0) throw worstOf(counted);
};

/**
 * Batch after batch, of one node unless more may restart at once. A node that fails does not take the others along while no more have failed than may; what
 * comes after the roll needs all of them, so the run ends then.
 */
export const runRoll = async (parts: StageParts, steps: readonly AnyStep[]): Promise<void> => {
  const tolerated = toleratedFailures(parts, steps);
  for (;;) {
    const pending = steps.filter((step) => isPending(parts, step));
    if (pending.length === 0) break;
    const batch = await nextOf(parts, steps, pending);
    await runBatch(parts, batch).catch((error: unknown) => {
      if (!(error instanceof StepFailure) || failuresOf(parts, steps).length > tolerated) throw error;
    });
  }
  const [failure] = failuresOf(parts, steps);
  if (failure) throw new StepFailure(failure);
  await haltIfCancelled(parts);
  pauseAfterCanary(parts, steps);
};
