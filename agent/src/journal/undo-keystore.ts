import { readFile } from 'node:fs/promises';
import { messageOf } from '@remora/shared/errors.ts';
import type { KeystoreLedger } from '../checks.ts';
import type { AgentContext } from '../context.ts';
import { digestOfFile, readWithState, removeDurably, writeDurably } from '../system/durable-file.ts';
import { type KeystoreNow, type PastEntry, pastEntries } from '../undo/entries.ts';
import { refuseOther, restoreOwner, writeKeystore } from './keystore-step.ts';
import { type KeystoreChange, keystoreBeforePath, writeRecord } from './record.ts';
import type { Transaction } from './transaction.ts';

/**
 * The keystore of a transaction goes back: as a whole only while it is what the tool is known to have made, or what others wrote since would be lost. Any other
 * digest may be of the tool, when the agent was ended before it noted what that made, or of somebody else. Then it goes entry by entry: those that the
 * transaction wrote or removed, where they stand as it left them. What else is in the keystore stays.
 */

/** What Elasticsearch puts into a keystore that it makes, by itself and anew for each. */
const SEED = 'keystore.seed';

/** A keystore that is left as it is may be as the tool left it when it was ended, and Elasticsearch could not read it at its next start. */
const letNodeRead = (context: AgentContext, change: KeystoreChange): Promise<void> =>
  restoreOwner(context, change).catch((error: unknown) => {
    context.log('warn', `owner and mode of ${change.path} cannot be restored: ${messageOf(error)}`);
  });

const namesOf = ({ set, remove }: KeystoreChange): string => [...set.map(({ name }) => name), ...remove].join(', ');

/** The keystore as it stands, and how the transaction's entries stand in it. */
const lookAt = async (
  { context, folder, record }: Transaction,
  change: KeystoreChange,
  password: string | undefined,
) => {
  const now = await readWithState(change.path);
  // A value that was put back has no reference, but an HMAC by which it is told.
  const set = change.set.map((entry) => ({ ...entry, reference: entry.reference ?? record.id }));
  const ours = set.flatMap(({ name, reference, hmac }): [string, KeystoreLedger['entries'][string]][] =>
    hmac === undefined ? [] : [[name, { reference, hmac, writtenAtMs: record.startedAtMs }]],
  );
  const looked = await context.keystore.compare(Object.fromEntries(ours), password);
  refuseOther(change.path, looked.digest, now?.state.digest ?? null);
  const past = { folder, record: { ...record, keystore: { ...change, set } } };
  const opened = { bytes: now?.bytes ?? null, looked, password };
  return { ...opened, entries: await pastEntries([past], opened) };
};

/**
 * Values as they were, and no entry where there was none. The file goes too where there was none and nobody else put an entry into it: also one without any of
 * ours, since the tool makes an empty one before it adds the first.
 */
const putBack = async (
  { context, folder }: Transaction,
  change: KeystoreChange,
  { looked, password }: KeystoreNow,
  entries: readonly PastEntry[],
): Promise<void> => {
  const set = entries.flatMap(({ name, value, reference }) => (value === null ? [] : [{ name, value, reference }]));
  const remove = entries.filter(({ value }) => value === null).map(({ name }) => name);
  const isOnlyOurs = looked.names.every((name) => name === SEED || remove.includes(name));
  if (change.before === null && isOnlyOurs) {
    // The look took the starts of a tool, a second or two each: what somebody else wrote meanwhile must not go with it.
    refuseOther(change.path, looked.digest, await digestOfFile(change.path));
    await removeDurably(change.path);
    return;
  }
  if (entries.length === 0) return;
  const step = { ...change, after: looked.digest };
  await writeKeystore(context, folder, step, { set, remove, password }, async (digest) => {
    step.after = digest;
  });
};

/** What stays as it is, and why; null where nothing does. */
const leftOf = ({ path, set }: KeystoreChange, entries: readonly PastEntry[]): string | null => {
  const left = entries.filter(({ standing }) => standing === 'foreign' || standing === 'lost');
  const isUntold = (entry: PastEntry): boolean =>
    entry.standing === 'foreign' && set.some(({ name, hmac }) => name === entry.name && hmac === undefined);
  const reasons = [
    {
      of: left.filter((entry) => !isUntold(entry)),
      why: 'somebody else changed them meanwhile, or what stood there before cannot be read',
    },
    {
      of: left.filter(isUntold),
      why: 'the agent that began this step was of an earlier version, which kept nothing by which it could be told who wrote them',
    },
  ].filter(({ of }) => of.length > 0);
  if (reasons.length === 0) return null;
  const texts = reasons.map(
    ({ of, why }) => `the entries ${of.map(({ name }) => name).join(', ')} stay as they are: ${why}`,
  );
  return `in the keystore ${path} ${texts.join('; ')}`;
};

const undoEntries = async (transaction: Transaction, change: KeystoreChange): Promise<string | null> => {
  const { context, folder, record } = transaction;
  // Whoever comes after a crash has to know that entries may be back already, since the digest will not say it.
  await writeRecord(folder, record);
  if (change.before !== null) await letNodeRead(context, change);
  const isProtected = await context.keystore.passwordProtected();
  const password = isProtected ? transaction.keystorePassword : undefined;
  if (isProtected && password === undefined) {
    return `the keystore ${change.path} is another than before and protected by a password, without which it cannot be told who wrote it: it stays as it is, perhaps with the changes of ${namesOf(change)}`;
  }
  const { entries, ...opened } = await lookAt(transaction, change, password);
  const ours = entries.filter(({ standing }) => standing === 'ours');
  await putBack(transaction, change, opened, ours);
  // Without a digest: what is ours of this is found by the values when the keystore is looked at next.
  await context.ledger.saveKeystore({ digest: null, names: [], entries: change.ledgerBefore.entries });
  return leftOf(change, entries);
};

/** Puts the keystore back. Repeating it is a no-op; a sentence where something of it cannot be put back. */
export const undoKeystore = async (transaction: Transaction): Promise<string | null> => {
  const { context, folder, record } = transaction;
  const change = record.keystore;
  if (change === null) return null;
  const now = await digestOfFile(change.path);
  if (now === (change.before?.digest ?? null)) return null;
  if (now === null) return `the keystore ${change.path} was removed by somebody else meanwhile`;
  if (now !== change.after) return undoEntries(transaction, change);
  if (change.before === null) await removeDurably(change.path);
  else
    await writeDurably(change.path, await readFile(keystoreBeforePath(folder)), change.before, {
      keepAttributes: true,
    });
  await context.ledger.saveKeystore(change.ledgerBefore);
  return null;
};
