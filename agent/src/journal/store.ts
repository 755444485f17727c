import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import { syncDirectory } from '../system/durable-file.ts';
import { folderOf, forgetHmacs, readRecord, type TransactionRecord, writeRecord } from './record.ts';
import { overdue } from './retention.ts';

export interface Finished {
  readonly folder: string;
  readonly record: TransactionRecord & { readonly result: Result };
}

export interface JournalStore {
  folderOf(id: string): string;
  /** The recorded result of a delivery that was seen before. */
  resultOf(id: string): Result | null;
  unacknowledged(): Result[];
  acknowledge(id: string): Promise<void>;
  /** Makes the folder of a new transaction, with before/ and after/. */
  create(id: string): Promise<string>;
  /** Drops a folder in which nothing was done. */
  discard(folder: string): Promise<void>;
  /** Takes a finished transaction into the memory of the agent and tidies up. */
  finished(folder: string, record: TransactionRecord): Promise<void>;
  /** Records a refusal, so that a delivery that comes twice is refused twice. */
  refuse(id: string, record: TransactionRecord): Promise<void>;
  /** Removes what is kept no longer, see retention.ts and forgetHmacs; also done after each transaction. */
  tidy(nowMs?: number): Promise<void>;
  /** Transactions that a crash left open. */
  open(): readonly { folder: string; record: TransactionRecord | null }[];
}

const isFinished = (record: TransactionRecord): record is Finished['record'] =>
  record.phase === 'finished' && record.result !== null;

const removeAfter = (folder: string): Promise<void> => rm(join(folder, 'after'), { recursive: true, force: true });

export const openJournal = async (path: string): Promise<JournalStore> => {
  const finished = new Map<string, Finished>();
  const left: { folder: string; record: TransactionRecord | null }[] = [];
  for (const name of await readdir(path)) {
    const folder = join(path, name);
    const record = await readRecord(folder);
    if (record && isFinished(record)) {
      finished.set(record.id, { folder, record });
      // After a crash between the end and the removal.
      await removeAfter(folder);
    } else left.push({ folder, record });
  }

  const tidy = async (nowMs = Date.now()): Promise<void> => {
    const { records, backups } = overdue(
      [...finished.values()].map(({ record }) => record),
      nowMs,
    );
    for (const id of records) {
      await rm(folderOf(path, id), { recursive: true, force: true });
      finished.delete(id);
    }
    // Records of agents that kept them.
    for (const { folder, record } of finished.values()) if (forgetHmacs(record)) await writeRecord(folder, record);
    for (const id of backups) await rm(join(folderOf(path, id), 'before'), { recursive: true, force: true });
  };

  const store: JournalStore = {
    folderOf: (id) => folderOf(path, id),
    resultOf: (id) => finished.get(id)?.record.result ?? null,
    unacknowledged: () => [...finished.values()].flatMap(({ record }) => (record.acknowledged ? [] : [record.result])),
    async acknowledge(id) {
      const entry = finished.get(id);
      if (!entry || entry.record.acknowledged) return;
      entry.record.acknowledged = true;
      await writeRecord(entry.folder, entry.record);
    },
    async create(id) {
      const folder = folderOf(path, id);
      await rm(folder, { recursive: true, force: true });
      for (const part of ['', 'before', 'after']) await mkdir(join(folder, part), { mode: 0o700 });
      await syncDirectory(path);
      return folder;
    },
    async discard(folder) {
      await rm(folder, { recursive: true, force: true });
      await syncDirectory(path);
    },
    async finished(folder, record) {
      if (!isFinished(record)) throw new Error(`the transaction ${record.id} is not finished`);
      await removeAfter(folder);
      finished.set(record.id, { folder, record });
      await tidy();
    },
    async refuse(id, record) {
      await writeRecord(await store.create(id), record);
      await store.finished(folderOf(path, id), record);
    },
    tidy,
    open: () => left,
  };
  return store;
};
