import { join } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { createDurably, readIfPresent } from '../secrets/durable-file.ts';
import { keys } from './keys.ts';

/** Why this store is not the one that it has to be; null while it is. Throws when Redis does not answer. */
export type StoreProblem = () => Promise<string | null>;

const fileIn = (dataDir: string): string => join(dataDir, 'store-id');

const restoreInto = (dataDir: string): string =>
  `Restore the newest back-up into it: \`remora restore FILE --data-dir ${dataDir}\`, with the --redis-url, --sealing-key or --config that the coordinator has (docs/backup.md).`;

/** The store that the coordinator of this data directory worked with last, from `DIR/store-id`; null before its first start. */
export const storeIdIn = async (dataDir: string): Promise<string | null> =>
  (await readIfPresent(fileIn(dataDir)))?.trim() || null;

/**
 * Compares the id that a store has, null for one that has none, with `DIR/store-id`: one that was wiped, or another one, knows nothing of the fleet. Comes
 * before anything is written, so that a back-up can be restored into a store that was wiped. Throws `store-replaced` that says how to go on.
 */
export const refuseReplacedStore = async (dataDir: string, found: string | null): Promise<void> => {
  const expected = await storeIdIn(dataDir);
  if (expected === null || expected === found) return;
  const anew = `To begin anew instead, for which every agent has to join again, remove ${fileIn(dataDir)}.`;
  if (found === null) {
    throw new RemoraError(
      'store-replaced',
      `The store was wiped: it holds no id, and this coordinator worked with ${expected} before.`,
      { hint: `${restoreInto(dataDir)} ${anew}` },
    );
  }
  throw new RemoraError(
    'store-replaced',
    `The store is another one (${found}) than this coordinator worked with before (${expected}): it was replaced.`,
    {
      hint: `Name the Redis that holds ${expected} with --redis-url, if there still is one. If this one is the right Redis, and ${expected} was named by mistake once, remove ${fileIn(dataDir)} and start again. If there is none any more, name an empty one instead. ${restoreInto(dataDir)} ${anew}`,
    },
  );
};

/** Keeps the id of the store in `DIR/store-id` from the first start on. Throws `store-replaced`. */
export const bindStoreId = async (dataDir: string, storeId: string): Promise<void> => {
  if (await createDurably(fileIn(dataDir), `${storeId}\n`, 0o644)) return;
  await refuseReplacedStore(dataDir, storeId);
};

/** For a coordinator that runs: whether the store is still the one that it opened. */
export const watchStore =
  (redis: Redis, storeId: string): StoreProblem =>
  async () => {
    const found = await redis.hget(keys.meta, 'storeId');
    if (found === storeId) return null;
    const now = found === null ? 'it was wiped' : `it is ${found} now`;
    return `The store is not the one that this coordinator opened (${storeId}): ${now}. Nothing is done with it. Stop the coordinator and start it again: it then says how to restore.`;
  };

/** Throws `store-replaced`. */
export const refuseOtherStore = async (problem: StoreProblem): Promise<void> => {
  const found = await problem();
  if (found !== null) {
    throw new RemoraError('store-replaced', found, {
      hint: 'Stop the coordinator, and bring the store back with `remora restore` (docs/backup.md).',
    });
  }
};
