import { RemoraError } from '@remora/shared/errors.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import type { StepInputs } from '../../plan/steps.ts';
import type { Executor, StepContext } from '../executor.ts';
import type { StepParts } from './parts.ts';
import { finishRestart, noteRestart, prepareRestart, startBefore, waitForGates } from './roll-node.ts';

type NodeChange = StepInputs['node.change'];

/**
 * A change without a restart is done in seconds. A restart may take 15 minutes each to stop, to start, to stop a start that failed and to start with the last
 * good files: the run must not end before the agent does.
 */
const CHANGE_LIMIT_MS = 5 * 60_000;
const RESTART_LIMIT_MS = 75 * 60_000;

/** What an executor remembers of a restart, so that whoever goes on after a crash neither restarts twice nor waits at a gate for a node that is down. */
interface RestartIntent {
  /** The delivery may have been sent. */
  readonly sent: true;
  /** Start of the process before, as the cluster knew it; null when it was not in the cluster. */
  readonly startedAtMs: number | null;
}

const failure = (change: NodeChange, result: Result): RemoraError => {
  const what = result.error?.message ?? 'the agent gave no reason';
  const where = `Node ${change.node} of cluster ${change.cluster}`;
  if (result.outcome === 'undone')
    return new RemoraError('step-undone', `${where}: the change was taken back: ${what}`);
  if (result.outcome === 'contested') return new RemoraError('step-contested', `${where}: ${what}`);
  return new RemoraError(
    result.error ? (result.error.code as RemoraError['code']) : 'step-failed',
    `${where}: ${what}`,
    result.error?.hint === undefined ? {} : { hint: result.error.hint },
  );
};

const deliver = (context: StepContext, change: NodeChange, limitMs: number): Promise<Result> =>
  context.change(change, change.operations, limitMs);

const restart = async (parts: StepParts, context: StepContext, change: NodeChange): Promise<void> => {
  const client = await parts.clients.get(change.cluster);
  let intent = context.memory.intent as RestartIntent | null;
  if (intent === null) {
    await waitForGates(parts, context, change);
    await prepareRestart(context, client, change);
    intent = { sent: true, startedAtMs: await startBefore(context, client, change) };
    await context.remember({ intent });
  }
  const result = await deliver(context, change, RESTART_LIMIT_MS);
  if (result.outcome !== 'done') {
    // The agent started it with the last good files: allocation goes back only once the node is there again, or its shards would move.
    if (result.outcome !== 'refused') await noteRestart(context, client, change, intent.startedAtMs);
    throw failure(change, result);
  }
  await context.restarted(change.node);
  await finishRestart(context, client, change, intent.startedAtMs);
};

/** Carries out a node's transaction; with a restart in it, under the gates of a roll. */
export const nodeChangeStep =
  (parts: StepParts): Executor<'node.change'> =>
  async (context, change) => {
    if (change.operations.some(({ name }) => name === 'service')) await restart(parts, context, change);
    else {
      const result = await deliver(context, change, CHANGE_LIMIT_MS);
      if (result.outcome !== 'done') throw failure(change, result);
    }
    return null;
  };
