import { randomBytes } from 'node:crypto';
import { isEnded } from '@remora/shared/model/run.ts';
import type { Redis } from 'ioredis';
import { recordAlone } from '../audit/record-alone.ts';
import type { Clock } from '../clock.ts';
import { HIGHEST_FENCE } from '../gateway/gateway-keys.ts';
import type { ScheduleRecord } from '../schedule/record.ts';
import { keys } from '../store/keys.ts';
import { RESTORES, type Restored } from '../store/restores.ts';
import {
  hasBegun,
  isGoingOn,
  parseRunHash,
  pendingStep,
  type RunRecord,
  type StepState,
} from '../store/runs/run-hash.ts';
import type { CopiedKey } from './store-copy.ts';

/**
 * How far beyond now the fences of a restored store begin. Agents saw fences that the back-up does not know. Those were taken from the clock of the Redis
 * that is gone, so they are beaten as long as that clock was less than a day ahead of this one.
 */
const FENCE_AHEAD_MS = 24 * 3600 * 1000;

/**
 * A step of a node that was not done may have been done since. It begins a new attempt, which looks anew at the node's file and process. Steps of other kinds
 * find out by themselves: what they remember is what they need for that.
 */
const lookAnew = (state: StepState): StepState | null => {
  if (state.status === 'succeeded' || state.status === 'skipped') return null;
  const kept = state.kept ?? { began: true };
  return isGoingOn(state.status) ? { ...state, status: 'pending', intent: null, kept } : { ...state, kept };
};

const changesOf = (record: RunRecord, restoreId: string): Record<string, string> => {
  const patch: Record<string, string> = { restored: restoreId };
  for (const { id, kind } of record.head.outline) {
    const next = kind === 'node.change' ? lookAnew(record.steps.get(id) ?? pendingStep) : null;
    if (next) patch[`step:${id}`] = JSON.stringify(next);
  }
  return patch;
};

/** Runs that may still reach an agent get another name for what they deliver: an agent's journal must not answer with what it did after the back-up was made. */
const settleRuns = async (redis: Redis, restoreId: string): Promise<string[]> => {
  const goOn: string[] = [];
  for (const runId of await redis.zrange(keys.runs, '0', '-1')) {
    const status = await redis.hget(keys.run(runId), 'status');
    if (status === null || status === 'succeeded' || status === 'rolled_back') continue;
    const record = parseRunHash(await redis.hgetall(keys.run(runId)));
    if (!record) continue;
    await redis.hset(keys.run(runId), changesOf(record, restoreId));
    if (isEnded(record.status)) continue;
    goOn.push(runId);
    // One that has begun nothing is planned again before its first step, and only that one: of another, a part is done.
    if (hasBegun(record)) await redis.hdel(keys.run(runId), 'waited');
    else await redis.hset(keys.run(runId), 'waited', '1');
  }
  return goOn;
};

/**
 * Schedules come back paused: the fleet is another one than the store remembers, and what nobody asked for should not be the first to find out. A fire that was
 * open goes with the back-up; its run, where it had one, is settled as all runs are.
 */
const pauseSchedules = async (redis: Redis, createdAt: string): Promise<void> => {
  for (const [name, text] of Object.entries(await redis.hgetall(keys.schedules))) {
    const record = JSON.parse(text) as ScheduleRecord;
    const fire = record.fire?.runId ? record.fire : null;
    const because = `The back-up of ${createdAt} was restored: \`remora schedules resume ${name}\` lets it fire again.`;
    const pausedBecause = record.paused ? record.pausedBecause : because;
    await redis.hset(keys.schedules, name, JSON.stringify({ ...record, paused: true, pausedBecause, fire }));
  }
};

/** Puts the store's identity in place, last of all and in one step: from then on it is a store. Fences begin above all that any agent saw. */
const finish = async (redis: Redis, meta: CopiedKey, restored: Restored, nowMs: number): Promise<void> => {
  await redis
    .multi()
    .restore(meta.key, 0, Buffer.from(meta.dump, 'base64'), 'REPLACE')
    .hset(keys.meta, 'restoring', restored.id)
    .exec();
  const found = await redis.hmget(keys.meta, 'lastFence', HIGHEST_FENCE, RESTORES);
  const fence = Math.max(Number(found[0] ?? 0), Number(found[1] ?? 0), nowMs) + FENCE_AHEAD_MS;
  const restores = [...(JSON.parse(found[2] ?? '[]') as Restored[]), restored];
  const fields = { lastFence: String(fence), [HIGHEST_FENCE]: String(fence), [RESTORES]: JSON.stringify(restores) };
  await redis.multi().hset(keys.meta, fields).hdel(keys.meta, 'restoring').exec();
};

/** Makes a store of the keys that were put back; answers the runs that go on. */
export const settleStore = async (
  redis: Redis,
  meta: CopiedKey,
  createdAt: string,
  clock: Clock,
): Promise<string[]> => {
  const now = clock();
  const restored: Restored = { id: randomBytes(4).toString('hex'), backupAtMs: Date.parse(createdAt) };
  const goOn = await settleRuns(redis, restored.id);
  await pauseSchedules(redis, createdAt);
  const audit = {
    actor: 'remora restore',
    action: 'store.restore',
    target: 'store',
    detail: `back-up of ${createdAt}`,
  };
  await recordAlone(redis, clock)([audit]);
  await finish(redis, meta, restored, now.getTime());
  return goOn;
};

/** Marks the store as one that is being restored: no coordinator opens it. */
export const markRestoring = async (redis: Redis): Promise<void> => {
  await redis.hset(keys.meta, 'restoring', new Date().toISOString());
};
