import { messageOf } from '@remora/shared/errors.ts';
import { isEnded, type RunStatus, type StepError } from '@remora/shared/model/run.ts';
import type { Clock } from '../clock.ts';
import type { StoredPlan } from '../plan/steps.ts';
import { isGoingOn, type RunRecord } from '../store/runs/run-hash.ts';
import type { RunStore } from '../store/runs/run-store.ts';
import { outlast } from './outlast.ts';
import { refuseStale } from './recheck.ts';
import { restoreAll, tryRestores } from './restore.ts';
import { StepFailure, unbegin } from './run-step.ts';
import { RunTakenOver, RunWriter } from './run-writer.ts';
import { haltIfCancelled, RunHalted } from './stage/halt.ts';
import type { StageParts } from './stage/next-step.ts';
import { NodesLeft, tellLivingKeys } from './stage/nodes-left.ts';
import { wantRollback } from './stage/on-failure.ts';
import { failuresOf, interruptedOf, runBatch, toleratedFailures } from './stage/roll-stage.ts';
import { runStage } from './stage/stages.ts';

export interface RunLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface DriverParts extends Omit<StageParts, 'writer' | 'actor' | 'signal'> {
  readonly store: RunStore;
  /**
   * Throws when the plan is not what would be planned by now. Asked before the first step of a run that had to wait, since what went before it may have
   * changed what the plan was made from. Absent: nothing is checked.
   */
  readonly recheck?: (plan: StoredPlan) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: RunLog;
  /** Replaces values of secrets in what is about to be recorded. */
  readonly redact: (text: string) => string;
}

type DrivenParts = StageParts & Pick<DriverParts, 'log'>;

/** A failure that an earlier driver recorded, and then died before it ended the run. */
const recordedFailure = (parts: StageParts, plan: StoredPlan): StepError | null => {
  for (const stage of plan.stages) {
    const steps = plan.steps.filter((step) => step.stage === stage.id);
    const failures = failuresOf(parts, steps);
    if (failures.length > (stage.mode === 'roll' ? toleratedFailures(parts, steps) : 0)) return failures[0] ?? null;
  }
  return null;
};

/** Brings steps to their end that ran beside the one that failed; nothing new is begun. */
const endBegun = async (parts: StageParts, plan: StoredPlan): Promise<void> => {
  for (const stage of plan.stages) {
    const goingOn = plan.steps.filter(
      ({ id, stage: of }) => of === stage.id && isGoingOn(parts.writer.step(id).status),
    );
    const begun = stage.mode === 'roll' ? interruptedOf(parts, goingOn) : goingOn;
    await runBatch(parts, begun).catch((error: unknown) => {
      if (!(error instanceof StepFailure || error instanceof RunHalted)) throw error;
    });
    for (const step of goingOn) if (!begun.includes(step)) await unbegin(parts.writer, step, 'was not begun');
  }
};

/** How a run ended, or that it pauses. */
interface Ending {
  readonly status: RunStatus;
  readonly error: StepError | null;
  readonly message: string;
  /** It goes on by itself when agents are back that it waits for. */
  readonly waitsForAgents?: boolean;
}

const succeeded: Ending = { status: 'succeeded', error: null, message: 'done' };
const failed = (error: StepError, waitsForAgents = false): Ending => ({
  ...{ status: 'failed', error, message: error.message, waitsForAgents },
});

/** Goes through the stages in order; answers how that ended. */
const carryOut = async (parts: StageParts, record: RunRecord, plan: StoredPlan): Promise<Ending> => {
  const recorded = recordedFailure(parts, plan);
  if (recorded) {
    await endBegun(parts, plan);
    return failed(recorded);
  }
  try {
    await refuseStale(parts, record, plan);
    for (const stage of plan.stages) await runStage(parts, stage, plan.steps);
    return succeeded;
  } catch (error) {
    // Handed over: what ran beside the failed step may not have ended, the next driver sees to that.
    parts.signal.throwIfAborted();
    if (error instanceof NodesLeft) return failed(tellLivingKeys(parts, plan, error.error), true);
    if (error instanceof StepFailure) return failed(error.error);
    if (!(error instanceof RunHalted)) throw error;
    await endBegun(parts, plan);
    return error;
  }
};

const finish = (parts: StageParts, { head }: RunRecord, ending: Ending): Promise<void> => {
  const { status, message } = ending;
  const error = ending.error && JSON.stringify(parts.writer.cleanError(ending.error));
  const event = { type: 'run', stepId: null, status, message } as const;
  if (status === 'paused') return parts.writer.write({ status }, event);
  const why = ending.error === null ? {} : { detail: ending.error.code };
  const audit = { action: 'run.end', target: head.clusters.join(', '), outcome: status, ...why };
  return parts.writer.write({ status, finishedAt: parts.clock().toISOString(), error }, event, audit);
};

/** A driver that died may have noted that nodes are left, which were done or failed since: nothing goes on by itself for these. */
const forgetDebts = async ({ writer }: StageParts): Promise<void> => {
  if (writer.options.waitOffline !== undefined) await writer.file('debts', writer.runId, null);
};

/** Nobody drives a run that pauses: nothing may be left to put back then. Somebody may cancel it meanwhile. */
const beforePause = async (stage: DrivenParts, ending: Ending): Promise<Ending> => {
  try {
    await restoreAll(stage, 'running', () => haltIfCancelled(stage));
    return ending;
  } catch (error) {
    if (error instanceof RunHalted) return error;
    throw error;
  }
};

const bringToEnd = async (parts: DriverParts, stage: DrivenParts, record: RunRecord): Promise<void> => {
  const { writer, signal } = stage;
  let status: RunStatus = record.status;
  if (!isEnded(status)) {
    const plan = await outlast(signal, () => parts.store.planOf(writer.runId));
    const reached = await carryOut(stage, record, plan);
    const ending = reached.status === 'paused' ? await beforePause(stage, reached) : reached;
    // Before the end is told: whoever waits for it finds the cluster as it was. What can't be put back now does not hide how the run ended.
    await tryRestores(stage);
    if (!ending.waitsForAgents) await forgetDebts(stage);
    if (ending.status === 'failed' && !ending.waitsForAgents) await wantRollback(stage);
    await finish(stage, record, ending);
    status = ending.status;
  }
  await restoreAll(stage, status);
};

/**
 * Drives a run from wherever it stands to its end, and what it paused back to what it was. Returns early, without a word in the run, when it is handed over
 * (the signal) or taken over: then somebody else goes on from the first step that is not done.
 */
export const drive = async (parts: DriverParts, runId: string, signal: AbortSignal): Promise<void> => {
  // A driver that has to stop must not take the run from the one who goes on with it.
  if (signal.aborted) return;
  let fence: number | null = null;
  try {
    const record = await outlast(signal, () => parts.store.take(runId));
    if (record === null) return;
    fence = record.fence;
    const { actor } = record.head;
    const stage: DrivenParts = {
      ...parts,
      actor,
      signal,
      writer: new RunWriter(parts.store, record, signal, parts.redact),
    };
    parts.log.info({ runId, fence, status: record.status }, 'driving a run');
    await bringToEnd(parts, stage, record);
    await outlast(signal, () => parts.store.release(runId));
    parts.log.info({ runId, fence }, 'a run ended');
  } catch (error) {
    if (!signal.aborted && !(error instanceof RunTakenOver)) throw error;
    parts.log.info({ runId, fence, reason: messageOf(error) }, 'somebody else goes on with a run');
  }
};
