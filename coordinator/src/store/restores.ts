import type { Redis } from 'ioredis';
import { keys } from './keys.ts';

/** Field of `keys.meta`: the times that this store was restored from a back-up, oldest first, as JSON. */
export const RESTORES = 'restores';

/** A restore, as agents hear of it: what they wrote after the back-up was made, the store does not know. */
export interface Restored {
  readonly id: string;
  /** When the back-up was made, in ms since 1970. */
  readonly backupAtMs: number;
}

export const restoresOf = async (redis: Redis): Promise<Restored[]> =>
  JSON.parse((await redis.hget(keys.meta, RESTORES)) ?? '[]') as Restored[];
