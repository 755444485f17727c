import { join } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { createDurably, readIfPresent } from '../secrets/durable-file.ts';
import { keys } from './keys.ts';

/** Why this store is not the one that it has to be; null while it is. Throws when Redis does not answer. */
export type StoreProblem = () => Promise<string | null>;

const RESTORE = 'Bring it back with `remora restore` (docs/backup.md), into a new data directory.';

/**
 * Keeps the id of the store in `DIR/store-id`, and compares it at each start: one that was wiped, or another one, knows nothing of the fleet. Throws
 * `store-replaced` that says how to restore, and how to begin anew.
 */
export const bindStoreId = async (dataDir: string, storeId: string): Promise<void> => {
  const path = join(dataDir, 'store-id');
  if (await createDurably(path, `${storeId}\n`, 0o644)) return;
  const expected = (await readIfPresent(path))?.trim() ?? '';
  if (expected === storeId) return;
  throw new RemoraError(
    'store-replaced',
    `The store is another one (${storeId}) than this coordinator worked with before (${expected}): it was wiped or replaced.`,
    { hint: `${RESTORE} To begin with this one instead, for which every agent has to join again, remove ${path}.` },
  );
};

/** For a coordinator that runs: whether the store is still the one that it opened. */
export const watchStore =
  (redis: Redis, storeId: string): StoreProblem =>
  async () => {
    const found = await redis.hget(keys.meta, 'storeId');
    if (found === storeId) return null;
    const now = found === null ? 'it was wiped' : `it is ${found} now`;
    return `The store is not the one that this coordinator opened (${storeId}): ${now}. Nothing is done with it.`;
  };

/** Throws `store-replaced`. */
export const refuseOtherStore = async (problem: StoreProblem): Promise<void> => {
  const found = await problem();
  if (found !== null) throw new RemoraError('store-replaced', found, { hint: `Stop the coordinator. ${RESTORE}` });
};
