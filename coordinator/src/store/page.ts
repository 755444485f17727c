import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';

/** A page of what is listed newest first. */
export interface Page {
  readonly limit: number;
  /** Only those before this one, by its id. */
  readonly before?: string;
}

/**
 * Ids of a page of a sorted set, newest first: by place, since two may have been made in one millisecond. Throws `not-found` when the one that it begins after
 * is not there any more.
 */
export const idsOfPage = async (
  redis: Redis,
  { key, noun }: { readonly key: string; readonly noun: 'run' | 'plan' },
  { limit, before }: Page,
): Promise<string[]> => {
  if (before === undefined) return redis.zrevrange(key, 0, limit - 1);
  const place = await redis.zrevrank(key, before);
  if (place !== null) return redis.zrevrange(key, place + 1, place + limit);
  throw new RemoraError('not-found', `There is no ${noun} "${before}" to list earlier ones of.`, {
    hint: `Begin again with \`remora ${noun}s list\`: ${noun}s are forgotten, oldest first.`,
  });
};
