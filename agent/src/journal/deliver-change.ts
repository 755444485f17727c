import { dirname } from 'node:path';
import { asRemoraError, RemoraError } from '@remora/shared/errors.ts';
import type { ChangeOperation, OperationCall } from '@remora/shared/operations.ts';
import type { Deliver, Result } from '@remora/shared/protocol/delivery.ts';
import type { AgentContext } from '../context.ts';
import { directoriesRefusal } from '../operations/config-dir.ts';
import { type Planner, planners } from '../operations/table.ts';
import { freeBytes } from '../system/mounts.ts';
import { changesDisk, type Draft, emptyDraft } from './draft.ts';
import { refuseHeld } from './hold.ts';
import type { TransactionRecord } from './record.ts';
import { type Begun, stage } from './stage.ts';
import type { JournalStore } from './store.ts';
import { finish, rollForward, runKeystore, type Transaction, undo } from './transaction.ts';

type Change = OperationCall<ChangeOperation>;

/** Of a delivery that changed nothing. */
export const refusal = (id: string, node: string, error: unknown): Result => {
  const { code, message, hint } = asRemoraError(error);
  return {
    type: 'result',
    id,
    outcome: 'refused',
    results: [],
    error: { code, message: `On ${node}: ${message}`, hint },
  };
};

// See runner.ts for why the casts are sound.
const plan = ({ name, input }: Change, context: AgentContext, draft: Draft): Promise<unknown> =>
  (planners[name] as Planner<ChangeOperation>)(input as never, context, draft);

/** Each change at most once, and the restart last: it is what makes the others take effect. */
const checkOrder = (calls: readonly OperationCall<ChangeOperation>[]): void => {
  const names = calls.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new RemoraError('bad-input', `The operation ${twice} stands twice in one step.`);
  if (names.includes('service') && names.at(-1) !== 'service') {
    throw new RemoraError('bad-input', 'The restart of a node comes last in its step.');
  }
};

/** Where something is made or replaced: beside the configuration directory the places that symlinks lead to, and subdirectories as far as there are any yet. */
const directoriesOf = (context: AgentContext, { files, directories }: Draft): readonly string[] => {
  const missing = new Set(directories.map(({ path }) => path));
  const used = [...files, ...directories].map(({ path }) => dirname(path));
  return [context.config.elasticsearch.configDir, ...used.filter((path) => !missing.has(path))];
};

/** Room for what is staged here and written there. */
const checkRoom = async (context: AgentContext, draft: Draft): Promise<void> => {
  if (!changesDisk(draft)) return;
  const bytes = draft.files.reduce(
    (sum, { afterBytes, beforeBytes }) => sum + (afterBytes?.length ?? 0) + (beforeBytes?.length ?? 0),
    0,
  );
  const why = await directoriesRefusal(directoriesOf(context, draft), bytes);
  if (why !== null) throw new RemoraError('node-read-only', `${why}.`);
  const free = await freeBytes(context.directory.path);
  if (free < bytes + 1024 * 1024) {
    throw new RemoraError(
      'node-read-only',
      `The agent's data directory ${context.directory.path} has only ${Math.floor(free / 1024)} KB of free space.`,
    );
  }
};

const refusedRecord = (begun: Begun, result: Result): TransactionRecord => ({
  version: 1,
  ...begun,
  operations: [],
  phase: 'finished',
  files: [],
  directories: [],
  sources: [],
  settingsPath: '',
  settings: [],
  keystore: null,
  restart: null,
  undo: null,
  results: [],
  result,
  acknowledged: false,
});

/** All checks, then the journal folder. Throws without having changed anything of the node. */
const prepare = async (context: AgentContext, journal: JournalStore, begun: Begun, calls: readonly Change[]) => {
  const { id } = begun;
  refuseHeld(context.directory);
  checkOrder(calls);
  const draft = emptyDraft();
  const results: unknown[] = [];
  for (const call of calls) results.push(await plan(call, context, draft));
  await checkRoom(context, draft);
  const folder = journal.folderOf(id);
  try {
    await journal.create(id);
    const names = calls.map(({ name }) => name);
    return { draft, folder, record: await stage(context, folder, begun, names, draft, results) };
  } catch (error) {
    await journal.discard(folder);
    const why = asRemoraError(error).message;
    throw new RemoraError('node-read-only', `The step cannot be journaled in ${folder}: ${why}.`, { cause: error });
  }
};

/** From staged to finished. Rejects only on a fault of the agent itself; then the record tells the next start how far it came. */
const drive = async (transaction: Transaction, draft: Draft): Promise<Result> => {
  try {
    if (draft.keystore !== null) await runKeystore(transaction, draft.keystore);
  } catch (error) {
    const { context, record } = transaction;
    // Still staged: the last look before the first write found that somebody else had been there.
    if (record.phase === 'staged') return finish(transaction, refusal(record.id, context.config.name, error));
    return undo(transaction, error);
  }
  return rollForward(transaction);
};

/** Carries out a delivery of changes as one transaction, unless it was seen before or its fence is stale. */
export const carryOutChange = async (
  context: AgentContext,
  journal: JournalStore,
  delivery: Deliver,
  calls: readonly Change[],
  progress: (phase: string) => void,
): Promise<Result> => {
  const { id, fence } = delivery;
  const { name } = context.config;
  const seen = journal.resultOf(id);
  const isCurrent = await context.fence.admit(fence);
  if (seen) return seen;
  if (!isCurrent) {
    const message = `The fence ${fence} is lower than ${context.fence.highest()}, which this agent has seen.`;
    return refusal(id, name, new RemoraError('fence-stale', message));
  }
  if (delivery.onlyIfKnown) {
    // Not recorded: when its moment has come again, it comes again.
    const message = `${id} came after the moment for it was over, and was not begun.`;
    return refusal(id, name, new RemoraError('delivery-late', message));
  }
  const begun = { id, fence, startedAtMs: Date.now() };
  context.openDelivery.id = id;
  try {
    const prepared = await prepare(context, journal, begun, calls).catch((error: unknown) => ({ error }));
    if ('error' in prepared) {
      const result = refusal(id, name, prepared.error);
      // Recorded, so that a late second copy is refused too. On a disk so full that this fails, the copy is checked anew.
      await journal.refuse(id, refusedRecord(begun, result)).catch((error: unknown) => {
        context.log('warn', `a refusal was not recorded: ${asRemoraError(error).message}`);
      });
      return result;
    }
    const { draft, folder, record } = prepared;
    try {
      const result = await drive(
        { context, folder, record, progress, keystorePassword: draft.keystore?.password },
        draft,
      );
      await journal.finished(folder, record);
      return result;
    } catch (error) {
      // Neither done nor undone, so there is no true answer: the record stays open, and the next start of the agent goes on with it.
      context.log('error', `${id} was interrupted in the phase ${record.phase}: ${asRemoraError(error).message}`);
      process.exit(1);
    }
  } finally {
    context.openDelivery.id = null;
  }
};
