import { setTimeout as sleep } from 'node:timers/promises';
import { asRemoraError, messageOf, type RemoraError } from '@remora/shared/errors.ts';
import { isEnded } from '@remora/shared/model/run.ts';
import type { Clock } from '../clock.ts';
import type { AgentCalls } from '../gateway/agent-calls.ts';
import type { StoredPlan } from '../plan/steps.ts';
import type { RunStore } from '../store/run-store.ts';
import type { Executors, Restorers } from './executor.ts';
import { RunWriter } from './run-writer.ts';
import { runStage, type StageParts } from './stages.ts';
import { putBack } from './step-context.ts';

export interface RunLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface DriverParts {
  readonly store: RunStore;
  readonly executors: Executors;
  readonly restorers: Restorers;
  readonly agents: AgentCalls;
  readonly nextInRoll: StageParts['nextInRoll'];
  readonly clock: Clock;
  readonly log: RunLog;
}

const RESTORE_RETRY_MS = [1000, 2000, 5000, 10_000] as const;

/** Goes through the stages in order; answers the failure that ended it, or null. Throws when somebody else goes on with the run. */
const execute = async (parts: StageParts, plan: StoredPlan): Promise<RemoraError | null> => {
  try {
    for (const stage of plan.stages) await runStage(parts, stage, plan.steps);
    return null;
  } catch (thrown) {
    const error = asRemoraError(thrown);
    if (parts.signal.aborted || error.code === 'fence-stale') throw thrown;
    return error;
  }
};

/** Puts back whatever is recorded, again and again until it is: the locks stay until then. */
const restoreAll = async (parts: DriverParts, stage: StageParts): Promise<void> => {
  for (const name of [...stage.writer.restores().keys()]) {
    for (let attempt = 0; ; attempt += 1) {
      stage.signal.throwIfAborted();
      try {
        await putBack(stage, name);
        break;
      } catch (error) {
        if (asRemoraError(error).code === 'fence-stale') throw error;
        parts.log.warn(
          { runId: stage.writer.runId, restore: name, reason: messageOf(error) },
          'putting back failed, trying again',
        );
        await sleep(RESTORE_RETRY_MS[Math.min(attempt, RESTORE_RETRY_MS.length - 1)], undefined, {
          signal: stage.signal,
        });
      }
    }
  }
};

const finish = (parts: DriverParts, writer: RunWriter, failure: RemoraError | null): Promise<void> => {
  const status = failure ? 'failed' : 'succeeded';
  const error = failure ? JSON.stringify({ code: failure.code, message: failure.message, hint: failure.hint }) : null;
  const message = failure ? failure.message : 'done';
  return writer.write(
    { status, finishedAt: parts.clock().toISOString(), error },
    { type: 'run', stepId: null, status, message },
  );
};

/**
 * Drives a run from wherever it stands to its end, and what it paused back to what it was. Returns early, without a word in the run, when it is handed over
 * (the signal) or taken over (`fence-stale`): then somebody else goes on from the first step that is not done.
 */
export const drive = async (parts: DriverParts, runId: string, signal: AbortSignal): Promise<void> => {
  const fence = await parts.store.take(runId);
  const record = await parts.store.record(runId);
  if (record.status === 'waiting') return;
  const writer = new RunWriter(parts.store, record, fence);
  const stage: StageParts = {
    writer,
    agents: parts.agents,
    restorers: parts.restorers,
    executors: parts.executors,
    nextInRoll: parts.nextInRoll,
    clock: parts.clock,
    actor: record.head.actor,
    signal,
  };
  parts.log.info({ runId, fence, status: record.status }, 'driving a run');
  try {
    if (!isEnded(record.status)) {
      const failure = await execute(stage, await parts.store.plan(record.head.planId));
      // Before the end is told: whoever waits for the end finds the cluster as it was.
      await restoreAll(parts, stage);
      await finish(parts, writer, failure);
    } else {
      await restoreAll(parts, stage);
    }
    await parts.store.release(runId);
    parts.log.info({ runId, fence }, 'a run ended');
  } catch (error) {
    if (!signal.aborted && asRemoraError(error).code !== 'fence-stale') throw error;
    parts.log.info({ runId, fence, reason: messageOf(error) }, 'somebody else goes on with a run');
  }
};
