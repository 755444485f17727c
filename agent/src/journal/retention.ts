import type { TransactionRecord } from './record.ts';

/** Records of finished deliveries that are kept, so that one that is delivered again is answered and not carried out. */
const KEEP_RECORDS = 200;
/** What stood there before, which taking a delivery back needs, is kept for so many deliveries that changed something, and for so long. */
const KEEP_BACKUPS = 20;
const KEEP_BACKUPS_MS = 30 * 86_400_000;

type Dated = Pick<TransactionRecord, 'id' | 'startedAtMs' | 'acknowledged' | 'files' | 'keystore'>;

/**
 * Which deliveries are forgotten altogether, and of which the files of before go. What nobody has acknowledged stays on record: it is the only word of what
 * was done. A clock that was set back keeps them longer, never shorter than the newest that it dates in the future.
 */
export const overdue = (
  records: readonly Dated[],
  nowMs: number,
): { readonly records: readonly string[]; readonly backups: readonly string[] } => {
  const newestFirst = [...records].sort((a, b) => b.startedAtMs - a.startedAtMs);
  const changing = newestFirst.filter(({ files, keystore }) => files.length > 0 || keystore !== null);
  return {
    records: newestFirst.filter(({ acknowledged }, i) => i >= KEEP_RECORDS && acknowledged).map(({ id }) => id),
    backups: changing
      .filter(({ startedAtMs }, i) => i >= KEEP_BACKUPS || nowMs - startedAtMs > KEEP_BACKUPS_MS)
      .map(({ id }) => id),
  };
};
