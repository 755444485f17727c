import type { Run, RunStatus } from '@remora/shared/model/run.ts';
import type { ChainableCommander, Redis } from 'ioredis';
import { keys } from '../keys.ts';
import { idsOfPage, type Page } from '../page.ts';
import { parseRunHash, runView } from './run-hash.ts';

/** The answers of one pipeline, each as its command gives it. */
const answersOf = async <T>(
  redis: Redis,
  ids: readonly string[],
  ask: (pipeline: ChainableCommander, key: string) => unknown,
): Promise<T[]> => {
  if (ids.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const id of ids) ask(pipeline, keys.run(id));
  return ((await pipeline.exec()) ?? []).map(([failure, answer]) => {
    if (failure) throw failure;
    return answer as T;
  });
};

/** A page of runs, newest first, in two or three round trips: what a list shows stands in the runs' own hashes, no plan is read. Throws `not-found` for `before`. */
export const listRuns = async (redis: Redis, page: Page, now: Date): Promise<Run[]> => {
  const ids = await idsOfPage(redis, { key: keys.runs, noun: 'run' }, page);
  const hashes = await answersOf<Record<string, string>>(redis, ids, (pipeline, key) => pipeline.hgetall(key));
  return hashes.flatMap((hash) => {
    const record = parseRunHash(hash);
    return record ? [runView(record, now)] : [];
  });
};

/** The status of every run that is kept. */
export const statusesOfRuns = async (redis: Redis): Promise<RunStatus[]> => {
  const ids = await redis.zrange(keys.runs, '0', '-1');
  const found = await answersOf<RunStatus | null>(redis, ids, (pipeline, key) => pipeline.hget(key, 'status'));
  return found.filter((status) => status !== null);
};
