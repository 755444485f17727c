import { join } from 'node:path';
import type { ChangeOperation } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import { syncDirectory, writePrivate } from '../system/durable-file.ts';
import type { Draft } from './draft.ts';
import {
  afterPath,
  beforePath,
  type KeystoreChange,
  keystoreBeforePath,
  type TransactionRecord,
  writeRecord,
} from './record.ts';

const keystoreChange = async (context: AgentContext, folder: string, draft: Draft): Promise<KeystoreChange | null> => {
  if (draft.keystore === null) return null;
  const { before, looked, set, remove } = draft.keystore;
  if (before) await writePrivate(keystoreBeforePath(folder), before.bytes);
  const names = new Set([...looked.names, ...set.map(({ name }) => name)]);
  for (const name of remove) names.delete(name);
  return {
    path: context.keystore.path,
    before: before?.state ?? null,
    namesAfter: [...names],
    set: set.map(({ name, reference, value }) => ({ name, reference, hmac: context.ledger.hmac(name, value) })),
    remove,
    ledgerBefore: looked,
    after: null,
  };
};

/** A delivery that was admitted. */
export type Begun = Required<Pick<TransactionRecord, 'id' | 'fence' | 'startedAtMs'>>;

/** Writes all that a transaction needs into its folder: afterwards only the keystore's values are missing there. Nothing of the node is changed. */
export const stage = async (
  context: AgentContext,
  folder: string,
  begun: Begun,
  operations: readonly ChangeOperation[],
  draft: Draft,
  results: unknown[],
): Promise<TransactionRecord> => {
  for (const [index, { beforeBytes, afterBytes }] of draft.files.entries()) {
    if (beforeBytes) await writePrivate(beforePath(folder, index), beforeBytes);
    if (afterBytes) await writePrivate(afterPath(folder, index), afterBytes);
  }
  const record: TransactionRecord = {
    version: 1,
    ...begun,
    operations,
    phase: 'staged',
    files: draft.files.map(({ beforeBytes: _, afterBytes: __, ...change }) => change),
    directories: draft.directories,
    sources: draft.sources,
    settingsPath: context.config.elasticsearch.settingsFile,
    settings: draft.settings,
    keystore: await keystoreChange(context, folder, draft),
    restart: draft.restart,
    undo: null,
    results,
    result: null,
    acknowledged: false,
  };
  await syncDirectory(join(folder, 'before'));
  await syncDirectory(join(folder, 'after'));
  await writeRecord(folder, record);
  return record;
};
