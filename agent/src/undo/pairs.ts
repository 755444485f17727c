import { isPair } from '@remora/shared/model/certificates/pair-sources.ts';
import type { TransactionRecord } from '../journal/record.ts';

/** The paths of a key and its certificate. */
export type Pair = readonly [string, string];

/** The PEM pairs that a transaction placed. */
export const pairsIn = ({ sources }: Pick<TransactionRecord, 'sources'>): Pair[] =>
  sources.flatMap((key) =>
    sources
      .filter((one) => key.source !== null && one.source !== null && isPair(key.source, one.source))
      .map(({ path }): Pair => [key.path, path]),
  );
