import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import type { AgentContext } from '../context.ts';
import { digestOfFile, temporaryOf } from '../system/durable-file.ts';
import { identityOf, isAlive, writersOf } from '../system/process-table.ts';
import { removeLeftOver } from './keystore-step.ts';
import { keystoreLogPath, type TransactionRecord } from './record.ts';
import type { JournalStore } from './store.ts';
import { finishUndo, rollForward, type Transaction, undo } from './transaction.ts';

const KILL_LIMIT_MS = 10_000;

/** Ends a tool that the agent started before it died. It is found by its log, which only it and what it started write to. */
const endTool = async (context: AgentContext, logFile: string): Promise<void> => {
  const identities = writersOf(logFile).flatMap((pid) => identityOf(pid) ?? []);
  for (const identity of identities) {
    context.log(
      'warn',
      `ending elasticsearch-keystore (process ${identity.split(':')[0]}), which a stopped agent left behind`,
    );
    process.kill(Number(identity.split(':')[0]), 'SIGKILL');
  }
  const deadline = Date.now() + KILL_LIMIT_MS;
  while (identities.some(isAlive)) {
    if (Date.now() > deadline) throw new RemoraError('internal', 'elasticsearch-keystore does not end after SIGKILL.');
    await sleep(20);
  }
};

/**
 * Whether the keystore is what the interrupted tool could have made of it. Its bytes are other after every write and the values are gone, but the names tell:
 * an entry that neither stood there nor was being written is somebody else's. A protected keystore cannot be listed here and is taken as the tool's.
 */
const isOurHalf = async (context: AgentContext, record: TransactionRecord): Promise<boolean> => {
  const change = record.keystore;
  if (change === null || change.passwordProtected) return true;
  const now = await digestOfFile(change.path);
  if (now === null || now === change.before?.digest) return true;
  const names = await context.keystore.tool.list(undefined);
  const expected = new Set([...change.ledgerBefore.names, ...change.set.map(({ name }) => name), 'keystore.seed']);
  return names.every((name) => expected.has(name));
};

const recoverKeystore = async (transaction: Transaction): Promise<void> => {
  const { context, folder, record } = transaction;
  await endTool(context, keystoreLogPath(folder));
  await removeLeftOver(context.config.elasticsearch.configDir);
  const ours = await isOurHalf(context, record);
  const interrupted = new RemoraError(
    ours ? 'step-failed' : 'step-contested',
    ours
      ? 'The agent was ended while elasticsearch-keystore wrote.'
      : `The agent was ended while elasticsearch-keystore wrote, and somebody else added entries to ${record.keystore?.path} before it came back; it was left as it is.`,
    {
      hint: ours
        ? 'Give the same command again: it goes on with what is missing.'
        : 'Look at the entries with `elasticsearch-keystore list`, then give the same command again.',
    },
  );
  // Left as it is: without a keystore change the undo has nothing to put back.
  await undo(ours ? transaction : { ...transaction, record: Object.assign(record, { keystore: null }) }, interrupted);
};

const recoverOne = async (transaction: Transaction): Promise<void> => {
  const { record } = transaction;
  for (const { path } of record.files) await rm(temporaryOf(path), { force: true });
  switch (record.phase) {
    case 'keystore':
      return recoverKeystore(transaction);
    case 'committed':
    case 'restarting':
      await rollForward(transaction);
      return;
    case 'undoing':
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
    await recoverOne({ context, folder, record, progress });
    await journal.finished(folder, record);
    context.log(
      'info',
      `${record.id}: ${record.result?.outcome}${record.result?.error ? `: ${record.result.error.message}` : ''}`,
    );
  }
};
