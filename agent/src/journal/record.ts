import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorCode } from '@remora/shared/errors.ts';
import type { ChangeOperation } from '@remora/shared/operations.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import type { KeystoreLedger } from '../checks.ts';
import { type FileState, isMissing, writePrivate } from '../system/durable-file.ts';

/**
 * The record of one transaction: `record.json` in its folder. It is written before each phase is entered, so that what it says is at least as far as what
 * was done. It holds digests, names, references and the HMACs of ledger.ts, never a secret's value.
 *
 *   staged      everything is checked and lies in before/ and after/.    crash: discard, nothing was changed
 *   keystore    the tool works on the keystore, in place.                crash: end the tool, put the keystore back, report undone; see undo-keystore.ts
 *   committed   files are being renamed into place.                      crash: go on with it; a digest neither before nor after: contested
 *   restarting  the node is being stopped and started.                   crash: identity changed -> done, else go on
 *   undoing     something failed after a change; going back.             crash: go on going back
 *   finished    the result stands in the record.                         crash: send the result again
 *
 * Why the keystore comes first, whatever the order in the delivery. Its values never touch the disk, so a crash while the tool works cannot be rolled
 * forward; all else can, from after/. With the keystore first, a crash before `committed` goes back and one after it goes on, without the values. The node sees no difference: it reads keystore and elasticsearch.yml only at a start or a
 * reload, both of which come later; polled files (certificates) come after the secure settings that open them.
 */
export const phases = ['staged', 'keystore', 'committed', 'restarting', 'undoing', 'finished'] as const;
export type Phase = (typeof phases)[number];

/** One file that is replaced, created (`before` null) or removed (`after` null). Bytes lie in before/N and after/N. */
export interface FileChange {
  /** Real path. */
  readonly path: string;
  /** As messages name it: relative to the configuration directory. */
  readonly label: string;
  readonly before: FileState | null;
  readonly after: FileState | null;
  /** The source that was on record for the bytes before; absent where somebody else placed them. */
  readonly sourceBefore?: string;
}

/** One setting of elasticsearch.yml, for an undo by setting; undefined where it does not stand in the file. */
export interface SettingChange {
  readonly name: string;
  readonly before?: SettingValue | null;
  readonly after?: SettingValue;
}

export interface KeystoreChange {
  readonly path: string;
  readonly before: FileState | null;
  /** Names after the step. */
  readonly namesAfter: readonly string[];
  /** Entries that the step writes or removes. */
  readonly set: readonly {
    readonly name: string;
    readonly reference: string | null;
    /** By the key of the ledger: tells our value from others'. Absent in records of older agents, and of finished transactions. */
    readonly hmac?: string;
  }[];
  readonly remove: readonly string[];
  readonly ledgerBefore: KeystoreLedger;
  /** Digest of what the tool made, recorded each time that it has ended well; null before. A file with any other digest is not known to be ours. */
  after: string | null;
}

export interface Restart {
  /** The process that is to be replaced; null when none ran. */
  readonly replaces: string | null;
  readonly timeoutMs: number;
  beganAtMs: number | null;
  stoppedAtMs: number | null;
}

export interface Undo {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly hint: string | null;
  /** Whether the node has to run again at the end. */
  readonly startAgain: boolean;
  /** The node that failed has been stopped, and the files are back: one that runs from here on was started with the last good files. */
  failedIsStopped: boolean;
}

export interface TransactionRecord {
  readonly version: 1;
  readonly id: string;
  /** When its fence was admitted. */
  readonly startedAtMs: number;
  /** The fence under which it began; absent in records of older agents. */
  readonly fence?: number;
  readonly operations: readonly ChangeOperation[];
  phase: Phase;
  readonly files: readonly FileChange[];
  /** Directories that are made for new files, outermost first. */
  readonly directories: readonly { readonly path: string; readonly uid: number; readonly gid: number }[];
  readonly sources: readonly { readonly path: string; readonly digest: string; readonly source: string | null }[];
  readonly settingsPath: string;
  readonly settings: readonly SettingChange[];
  keystore: KeystoreChange | null;
  readonly restart: Restart | null;
  undo: Undo | null;
  /** One result an operation, in their order; null until known. */
  readonly results: unknown[];
  /** Set when finished. */
  result: Result | null;
  acknowledged: boolean;
}

/** Where the transaction of a delivery lies below the journal's directory. */
export const folderOf = (journal: string, id: string): string =>
  join(journal, createHash('sha256').update(id).digest('hex').slice(0, 32));

const recordPath = (folder: string): string => join(folder, 'record.json');
export const beforePath = (folder: string, index: number): string => join(folder, 'before', String(index));
export const afterPath = (folder: string, index: number): string => join(folder, 'after', String(index));
export const keystoreBeforePath = (folder: string): string => join(folder, 'before', 'keystore');
export const keystoreLogPath = (folder: string): string => join(folder, 'keystore.log');

/** Makes the record durable. */
export const writeRecord = (folder: string, record: TransactionRecord): Promise<void> =>
  writePrivate(recordPath(folder), `${JSON.stringify(record, null, 1)}\n`);

/**
 * A transaction that has ended needs no HMAC any more, and the values of which they are may be those of others: references are enough to take it back.
 * Answers whether there were any.
 */
export const forgetHmacs = (record: TransactionRecord): boolean => {
  if (record.keystore === null) return false;
  const { set, ledgerBefore } = record.keystore;
  const known = Object.entries(ledgerBefore.entries);
  if (![...set, ...known.map(([, entry]) => entry)].some(({ hmac }) => hmac)) return false;
  const entries = Object.fromEntries(known.map(([name, entry]) => [name, { ...entry, hmac: '' }]));
  record.keystore = {
    ...record.keystore,
    set: set.map(({ hmac: _, ...entry }) => entry),
    ledgerBefore: { ...ledgerBefore, entries },
  };
  return true;
};

/** Reads a record; null when the folder has none (a crash before the first write). */
export const readRecord = async (folder: string): Promise<TransactionRecord | null> => {
  try {
    return JSON.parse(await readFile(recordPath(folder), 'utf8')) as TransactionRecord;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
};
