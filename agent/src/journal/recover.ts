import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import type { AgentContext } from '../context.ts';
import { temporaryOf } from '../system/durable-file.ts';
import { identityOf, isAlive, writersOf } from '../system/process-table.ts';
import { removeTemporaryDirectory } from './apply.ts';
import { isHeld } from './hold.ts';
import { removeLeftOver } from './keystore-step.ts';
import { keystoreLogPath } from './record.ts';
import type { JournalStore } from './store.ts';
import { finishUndo, rollForward, type Transaction, undo } from './transaction.ts';

const KILL_LIMIT_MS = 10_000;

/** Ends a tool that the agent started before it died. It is found by its log, which only it and what it started write to. */
const endTool = async ({ context, folder }: Transaction): Promise<void> => {
  const logFile = keystoreLogPath(folder);
  const identities = writersOf(logFile).flatMap((pid) => identityOf(pid) ?? []);
  for (const identity of identities) {
    context.log(
      'warn',
      `ending elasticsearch-keystore (process ${identity.split(':')[0]}), which a stopped agent left behind`,
    );
    process.kill(Number(identity.split(':')[0]), 'SIGKILL');
  }
  const deadline = performance.now() + KILL_LIMIT_MS;
  while (identities.some(isAlive)) {
    if (performance.now() > deadline)
      throw new RemoraError('internal', 'elasticsearch-keystore does not end after SIGKILL.');
    await sleep(20);
  }
  await removeLeftOver(context.config.elasticsearch.configDir);
};

const recoverKeystore = async (transaction: Transaction): Promise<void> => {
  await endTool(transaction);
  await undo(
    transaction,
    new RemoraError('step-failed', 'The agent was ended while elasticsearch-keystore wrote.', {
      hint: 'Give the same command again: it goes on with what is missing.',
    }),
  );
};

/** Goes on with the files, or goes back while the node is held: it is as it was before, then. */
const recoverFiles = async (transaction: Transaction): Promise<void> => {
  const { directory } = transaction.context;
  if (!isHeld(directory)) {
    await rollForward(transaction);
    return;
  }
  const why = `The agent was ended during this step, and now the file ${directory.hold} holds the node.`;
  await undo(
    transaction,
    new RemoraError('step-failed', why, { hint: 'Remove the file, then give the same command again.' }),
  );
};

const recoverOne = async (transaction: Transaction): Promise<void> => {
  const { record } = transaction;
  for (const { path } of record.files) await rm(temporaryOf(path), { force: true });
  for (const { path } of record.directories) await removeTemporaryDirectory(path);
  switch (record.phase) {
    case 'keystore':
      return recoverKeystore(transaction);
    case 'committed':
      return recoverFiles(transaction);
    case 'restarting':
      // Also while the node is held: it may be down, or on its way there.
      await rollForward(transaction);
      return;
    case 'undoing':
      // Of entries that were being put back.
      await endTool(transaction);
      await finishUndo(transaction);
      return;
    case 'staged':
    case 'finished':
      return;
  }
};

/** Brings whatever a crash left open to its end, before the agent says hello: there is at most one such transaction. */
export const recover = async (context: AgentContext, journal: JournalStore): Promise<void> => {
  for (const { folder, record } of journal.open()) {
    if (record === null || record.phase === 'staged') {
      context.log('info', `discarding ${record?.id ?? folder}: the agent stopped before anything was changed`);
      await journal.discard(folder);
      continue;
    }
    context.log('warn', `going on with ${record.id}, which was interrupted in the phase ${record.phase}`);
    const progress = (phase: string): void => context.log('info', `${record.id}: ${phase}`);
    await recoverOne({ context, folder, record, progress, keystorePassword: undefined });
    await journal.finished(folder, record);
    context.log(
      'info',
      `${record.id}: ${record.result?.outcome}${record.result?.error ? `: ${record.result.error.message}` : ''}`,
    );
  }
};
