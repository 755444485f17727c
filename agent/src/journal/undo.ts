import { readFile, rmdir } from 'node:fs/promises';
import { messageOf } from '@remora/shared/errors.ts';
import { sameSettingValue } from '@remora/shared/settings.ts';
import { textOf } from '../operations/settings.ts';
import { editSettings, readSettings } from '../settings-file/edit.ts';
import { digestOfFile, type FileState, readWithState, removeDurably, writeDurably } from '../system/durable-file.ts';
import { pairsIn } from '../undo/pairs.ts';
import { beforePath, type FileChange, type SettingChange, type TransactionRecord } from './record.ts';
import type { Transaction } from './transaction.ts';
import { undoKeystore } from './undo-keystore.ts';
import { type Numbered, undoPair } from './undo-pair.ts';

/** Puts one file back as it was while it still is what the transaction made of it; a sentence when it is not. */
const undoFile = async (folder: string, change: FileChange, index: number): Promise<string | null> => {
  const now = await digestOfFile(change.path);
  if (now === (change.before?.digest ?? null)) return null;
  if (now !== (change.after?.digest ?? null)) return `${change.label} was changed by somebody else meanwhile`;
  if (change.before === null) await removeDurably(change.path);
  else {
    await writeDurably(change.path, await readFile(beforePath(folder, index)), change.before, { keepAttributes: true });
  }
  return null;
};

/** A key without a value is not the same as no key. */
const same = (a: SettingChange['before'], b: SettingChange['before']): boolean =>
  a === undefined || b === undefined ? a === b : sameSettingValue(a, b);

/** Somebody edited elasticsearch.yml after us: our settings go back one by one where they still have our values, and the rest stays theirs. */
export const undoSettings = (
  text: string,
  changes: readonly SettingChange[],
): { text: string; foreign: readonly string[] } => {
  const now = readSettings(text);
  const ours = changes.filter(({ name, after }) => same(now[name], after));
  const foreign = changes.filter(({ name, before, after }) => !same(now[name], after) && !same(now[name], before));
  const set = Object.fromEntries(
    ours.flatMap(({ name, before }) => (before === undefined || before === null ? [] : [[name, before]])),
  );
  const remove = ours.flatMap(({ name, before }) => (before === undefined || before === null ? [name] : []));
  return { text: editSettings(text, { set, remove }), foreign: foreign.map(({ name }) => name) };
};

const undoSettingsFile = async (record: TransactionRecord, change: FileChange): Promise<string | null> => {
  const now = await readWithState(change.path);
  if (now === null) return `${change.label} was removed by somebody else meanwhile`;
  try {
    const { text, foreign } = undoSettings(textOf(now.bytes), record.settings);
    await writeDurably(change.path, Buffer.from(text), now.state, { keepAttributes: true });
    return foreign.length === 0
      ? null
      : `in ${change.label} somebody else changed ${foreign.join(', ')} meanwhile, which stays as it is`;
  } catch (error) {
    return `${change.label} was changed by somebody else meanwhile and cannot be edited any more: ${messageOf(error)}`;
  }
};

const undoChange = async (
  folder: string,
  record: TransactionRecord,
  change: FileChange,
  index: number,
): Promise<string | null> => {
  const changedByOthers = await undoFile(folder, change, index);
  const isSettings = change.path === record.settingsPath && record.settings.length > 0;
  return changedByOthers !== null && isSettings ? undoSettingsFile(record, change) : changedByOthers;
};

const removeDirectories = async (record: TransactionRecord): Promise<void> => {
  // One that somebody else put a file into is not empty and stays.
  for (const { path } of record.directories.toReversed()) await rmdir(path).catch(() => undefined);
};

const isBefore = async (path: string, before: FileState | null, after: string | null): Promise<boolean> => {
  const digest = before?.digest ?? null;
  return digest !== after && (await digestOfFile(path)) === digest;
};

/**
 * Whether something of a transaction that restarts the node is as it was before. Then an undo has begun that could not be recorded, since the agent's
 * disk was full, and a new process of the node does not mean that the step is done.
 */
export const isPutBack = async ({ files, keystore }: TransactionRecord): Promise<boolean> => {
  for (const { path, before, after } of files) if (await isBefore(path, before, after?.digest ?? null)) return true;
  return keystore !== null && keystore.after !== null && isBefore(keystore.path, keystore.before, keystore.after);
};

/** Keys with their certificates, which go back together, and all other files. */
const sorted = (record: TransactionRecord): { pairs: (readonly [Numbered, Numbered])[]; others: Numbered[] } => {
  const files = [...record.files.entries()];
  const pairs = pairsIn(record).flatMap(([key, certificate]) => {
    const [one, other] = [key, certificate].map((path) => files.find(([, change]) => change.path === path));
    return one && other ? [[one, other] as const] : [];
  });
  return { pairs, others: files.filter((file) => !pairs.flat().includes(file)) };
};

/** One part that cannot be undone keeps neither the others from it nor the node from its start. */
const orSentence = (what: string, undone: Promise<string | null>): Promise<string | null> =>
  undone.catch((error: unknown) => `${what} could not be put back: ${messageOf(error)}`);

/**
 * Undoes all that a transaction changed on the disk, in reverse. Returns what could not be undone, a sentence each: people have to look. Repeating it is a
 * no-op.
 */
export const undoDisk = async (transaction: Transaction): Promise<readonly string[]> => {
  const { context, folder, record } = transaction;
  const { pairs, others } = sorted(record);
  const problems: string[] = [];
  for (const [index, change] of others.reverse()) {
    const problem = await orSentence(change.label, undoChange(folder, record, change, index));
    if (problem !== null) problems.push(problem);
  }
  for (const pair of pairs) {
    const named = pair.map(([, { label }]) => label).join(' and ');
    const problem = await orSentence(
      named,
      undoPair(folder, pair).then((all) => all.join('; ') || null),
    );
    if (problem !== null) problems.push(problem);
  }
  const keystoreProblem = await orSentence(
    'the keystore',
    context.keystore.exclusive(() => undoKeystore(transaction)),
  );
  if (keystoreProblem !== null) problems.push(keystoreProblem);
  await removeDirectories(record);
  return problems;
};
