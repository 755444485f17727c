import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';

/** A page of what is listed newest first. */
export interface Page {
  readonly limit: number;
  /** Only those before this one, by its id. */
  readonly before?: string;
}

/**
 * A page and the place that it begins after, in one step: what is made in between would shift the places. Nothing when that is not there any more.
 * KEYS sorted set  ARGV id that it begins after, limit
 */
const PAGE_AFTER = `
local place = redis.call('ZREVRANK', KEYS[1], ARGV[1])
return place and redis.call('ZREVRANGE', KEYS[1], place + 1, place + ARGV[2])`;

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
  const ids = (await redis.eval(PAGE_AFTER, 1, key, before, limit)) as string[] | null;
  if (ids !== null) return ids;
  throw new RemoraError('not-found', `There is no ${noun} "${before}" to list earlier ones of.`, {
    hint: `Begin again with \`remora ${noun}s list\`: ${noun}s are forgotten, oldest first.`,
  });
};
