import { RemoraError } from '@remora/shared/errors.ts';
import type { AgentContext } from '../context.ts';
import { folderOf, readRecord, type TransactionRecord } from '../journal/record.ts';

/** A delivery that may have left something changed, with its folder in the journal. */
export interface PastDelivery {
  readonly folder: string;
  readonly record: TransactionRecord;
}

const refuseOpen = (node: string, { id, phase }: TransactionRecord): never => {
  throw new RemoraError(
    'preflight-failed',
    `${id} is still being carried out on ${node} (${phase}): what it leaves cannot be told yet.`,
    { hint: 'Wait until the agent has ended it, as its log says, and try again. Nothing was changed.' },
  );
};

/**
 * Finished deliveries by their ids, in the given order (the newest first). Those that changed nothing, or were taken back by themselves, are left out. Throws
 * for one that has not ended: it may yet change what is to be taken back.
 */
export const pastDeliveries = async (
  context: Pick<AgentContext, 'directory' | 'config'>,
  ids: readonly string[],
): Promise<{ readonly past: readonly PastDelivery[]; readonly unknown: readonly string[] }> => {
  const past: PastDelivery[] = [];
  const unknown: string[] = [];
  for (const id of ids) {
    const folder = folderOf(context.directory.journal, id);
    const record = await readRecord(folder);
    if (record?.id !== id) unknown.push(id);
    else if (record.result === null) refuseOpen(context.config.name, record);
    else if (['done', 'contested'].includes(record.result.outcome)) past.push({ folder, record });
  }
  return { past, unknown };
};
