import { setTimeout as sleep } from 'node:timers/promises';
import { asRemoraError, type ErrorCode, messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import type { AgentContext } from '../context.ts';
import { NodeFailure, startNode, stopNode } from '../node/restart.ts';
import { isAlive } from '../system/process-table.ts';
import { applyFiles } from './apply.ts';
import type { KeystoreDraft } from './draft.ts';
import { noteKeystore, refuseForeignWrite, writeKeystore } from './keystore-step.ts';
import { forgetHmacs, type Restart, type TransactionRecord, writeRecord } from './record.ts';
import { startLog } from './start-logs.ts';
import { isPutBack, undoDisk } from './undo.ts';

/** One staged transaction on its way to `finished`; see record.ts for the phases and what a crash in each means. */
export interface Transaction {
  readonly context: AgentContext;
  readonly folder: string;
  readonly record: TransactionRecord;
  readonly progress: (phase: string) => void;
  /** Known while the delivery is in memory, not after a crash: it is not kept. */
  readonly keystorePassword: string | undefined;
}

const enter = async ({ folder, record }: Transaction, phase: TransactionRecord['phase']): Promise<void> => {
  record.phase = phase;
  await writeRecord(folder, record);
};

const RECORD_RETRY_MS = 5000;

/** A result that is not recorded must not be answered: whoever delivers again would have it carried out again. So a full disk is waited out. */
export const finish = async (transaction: Transaction, result: Result): Promise<Result> => {
  const { context, record, progress } = transaction;
  record.result = result;
  forgetHmacs(record);
  for (;;) {
    try {
      await enter(transaction, 'finished');
      return result;
    } catch (error) {
      context.log('error', `the result of ${record.id} cannot be recorded, trying again: ${messageOf(error)}`);
      progress("waiting until the agent's journal can be written");
      await sleep(RECORD_RETRY_MS);
    }
  }
};

/** Writes the record if that is possible. For where a node may be down: it has to run again, whether or not there is room for the record. */
const note = ({ context, folder, record }: Transaction): Promise<void> =>
  writeRecord(folder, record).catch((error: unknown) => {
    context.log('error', `the record of ${record.id} cannot be written, going on: ${messageOf(error)}`);
  });

const setResult = (record: TransactionRecord, operation: 'keystore' | 'service', result: unknown): void => {
  const index = record.operations.indexOf(operation);
  // A keystore that is put back by `undo` is a part of that one's result.
  if (index !== -1) record.results[index] = result;
};

/** The keystore is written, in place, by the tool. Values are in `draft` only. Rejects in the phase `staged` when somebody else was there first. */
export const runKeystore = async (transaction: Transaction, draft: KeystoreDraft): Promise<void> => {
  const { context, folder, record, progress } = transaction;
  const change = record.keystore;
  if (change === null) return;
  await context.keystore.exclusive(async () => {
    if (draft.set.length + draft.remove.length === 0) {
      await noteKeystore(context, change, draft, change.before?.digest ?? '', Date.now());
      return;
    }
    await refuseForeignWrite(change);
    await enter(transaction, 'keystore');
    progress('writing the keystore');
    const digest = await writeKeystore(context, folder, change, draft, async (written) => {
      change.after = written;
      await writeRecord(folder, record);
    });
    setResult(record, 'keystore', { changed: [...draft.set.map(({ name }) => name), ...draft.remove], digest });
    await noteKeystore(context, change, draft, digest, Date.now());
  });
};

/** Ms since a moment: not by the clock that may be set while this process looks on, and by what is on record only where a crash came between. */
const msSince = (seenMs: number | null, recordedMs: number): number =>
  seenMs === null ? Math.max(0, Date.now() - recordedMs) : Math.round(performance.now() - seenMs);

/** Stops and starts the node. Goes on from wherever a crash left it: a process other than `replaces` is the new one. */
const runRestart = async (transaction: Transaction, restart: Restart): Promise<void> => {
  const { context, record, progress } = transaction;
  const beganMs = restart.beganAtMs === null ? performance.now() : null;
  restart.beganAtMs ??= Date.now();
  if (record.phase !== 'restarting') await enter(transaction, 'restarting');
  if (restart.replaces !== null && isAlive(restart.replaces)) {
    progress('stopping');
    await stopNode(context, restart.replaces);
  }
  let stopMs = Math.max(0, (restart.stoppedAtMs ?? 0) - restart.beganAtMs);
  let stoppedMs: number | null = null;
  if (restart.stoppedAtMs === null) {
    stopMs = msSince(beganMs, restart.beganAtMs);
    stoppedMs = performance.now();
    restart.stoppedAtMs = Date.now();
    await note(transaction);
  }
  progress('starting');
  const identity = await startNode(context, {
    replaces: restart.replaces,
    timeoutMs: restart.timeoutMs,
    logFile: startLog(context.directory.logs, record.id, 'start'),
  });
  setResult(record, 'service', {
    identity,
    stopMs,
    startMs: msSince(stoppedMs, restart.stoppedAtMs),
  });
};

/** From `committed` on: files, restart, result. Needs nothing but the record and its folder, so it is also how a crash is rolled forward. */
export const rollForward = async (transaction: Transaction): Promise<Result> => {
  const { context, folder, record, progress } = transaction;
  try {
    if (record.phase !== 'restarting') {
      await enter(transaction, 'committed');
      await applyFiles(folder, record, progress);
      if (record.sources.length > 0) await context.ledger.saveSources(record.sources);
    } else if (await isPutBack(record)) {
      throw new RemoraError('step-failed', 'The agent was ended while it undid this step.');
    }
    if (record.restart !== null) await runRestart(transaction, record.restart);
  } catch (error) {
    return undo(transaction, error);
  }
  return finish(transaction, {
    type: 'result',
    id: record.id,
    outcome: 'done',
    results: [...record.results],
    error: null,
  });
};

const codeOf = (error: unknown): ErrorCode =>
  error instanceof NodeFailure ? 'step-undone' : asRemoraError(error).code;

/** Something failed after a change: everything goes back to what it was, and the node runs again if it ran. */
export const undo = async (transaction: Transaction, error: unknown): Promise<Result> => {
  const { context, record } = transaction;
  context.log('warn', `undoing ${record.id}: ${messageOf(error)}`);
  record.undo = {
    code: error instanceof NodeFailure || error instanceof RemoraError ? codeOf(error) : 'step-failed',
    reason: messageOf(error),
    hint: error instanceof RemoraError ? error.hint : null,
    startAgain: record.phase === 'restarting' && record.restart?.replaces !== null,
    failedIsStopped: false,
  };
  record.phase = 'undoing';
  // Going back is right after a crash too, whatever phase the record is left in; see isPutBack for `restarting`.
  await note(transaction);
  return finishUndo(transaction);
};

/** The last good files get all the time that a start may take, however short the limit of the step was. */
const START_AGAIN_LIMIT_MS = 15 * 60_000;

/** Makes the node run with what stands on the disk again; a sentence when it does not. */
const startAgain = async (transaction: Transaction): Promise<string | null> => {
  const { context, record, progress } = transaction;
  try {
    progress('starting again with the last good files');
    await startNode(context, {
      replaces: null,
      timeoutMs: Math.max(record.restart?.timeoutMs ?? 0, START_AGAIN_LIMIT_MS),
      logFile: startLog(context.directory.logs, record.id, 'undo'),
    });
    return null;
  } catch (error) {
    return `the node does not run: ${messageOf(error)}`;
  }
};

/** A node that hangs in its start is stopped before its files change under it. The one that never stopped runs with the old files and is left alone. */
const stopFailed = async (transaction: Transaction): Promise<string | null> => {
  const { context, record, progress } = transaction;
  const identity = await context.node.current();
  if (identity === null || identity === record.restart?.replaces || record.undo?.startAgain !== true) return null;
  try {
    progress('stopping the node that does not come up');
    await stopNode(context, identity);
    return null;
  } catch (error) {
    return messageOf(error);
  }
};

/** The phase `undoing`, from its beginning: each part is a no-op when a crash came after it. */
export const finishUndo = async (transaction: Transaction): Promise<Result> => {
  const { context, record, progress } = transaction;
  const reason = record.undo;
  if (reason === null) throw new Error(`the record of ${record.id} is being undone without a reason`);
  const problems: string[] = [];
  const keep = (problem: string | null): void => {
    if (problem !== null) problems.push(problem);
  };
  const stopProblem = reason.failedIsStopped ? null : await stopFailed(transaction);
  keep(stopProblem);
  progress('putting back what was changed');
  problems.push(...(await undoDisk(transaction)));
  // Recorded, or a crash while the node starts with the last good files would have it stopped once more. Not before all files are back: a host that comes
  // up again may start a node with those that failed.
  reason.failedIsStopped = stopProblem === null;
  await note(transaction);
  if (reason.startAgain) keep(await startAgain(transaction));
  const isContested = problems.length > 0 || reason.code === 'step-contested';
  const back = isContested ? `Not everything is as before: ${problems.join('; ')}.` : 'Everything is as before again.';
  const message = problems.length === 0 && isContested ? reason.reason : `${reason.reason} ${back}`;
  return finish(transaction, {
    type: 'result',
    id: record.id,
    outcome: isContested ? 'contested' : 'undone',
    results: [],
    error: {
      code: isContested ? 'step-contested' : reason.code,
      message: `On ${context.config.name}: ${message}`,
      ...(reason.hint === null ? {} : { hint: reason.hint }),
    },
  });
};
