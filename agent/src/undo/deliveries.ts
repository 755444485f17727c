import type { AgentContext } from '../context.ts';
import { folderOf, readRecord, type TransactionRecord } from '../journal/record.ts';

/** A delivery that may have left something changed, with its folder in the journal. */
export interface PastDelivery {
  readonly folder: string;
  readonly record: TransactionRecord;
}

/** Finished deliveries by their ids, in the given order (the newest first). Those that changed nothing, or were taken back by themselves, are left out. */
export const pastDeliveries = async (
  context: Pick<AgentContext, 'directory'>,
  ids: readonly string[],
): Promise<{ readonly past: readonly PastDelivery[]; readonly unknown: readonly string[] }> => {
  const past: PastDelivery[] = [];
  const unknown: string[] = [];
  for (const id of ids) {
    const folder = folderOf(context.directory.journal, id);
    const record = await readRecord(folder);
    if (record?.id !== id) unknown.push(id);
    else if (record.result && ['done', 'contested'].includes(record.result.outcome)) past.push({ folder, record });
  }
  return { past, unknown };
};
