import { RemoraError } from '@remora/shared/errors.ts';
import { expect, test } from 'vitest';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { RunControl } from '../../../coordinator/src/store/runs/run-control.ts';
import { KEPT_PLANS, KEPT_RUNS, KEPT_STEPS, KEPT_WHOLE } from '../../../coordinator/src/store/runs/run-retention.ts';
import { copyRun, fileEndedRun } from '../../support/history.ts';
import { makeBench } from './bench.ts';
import { documentOf, serialPlan } from './effects.ts';

const clock = () => new Date();

test('pages go back from the newest run to the first, each run once', async () => {
  const { redis, store } = await makeBench();
  const first = await fileEndedRun(redis.redis, serialPlan(['us'], 2));
  await copyRun(redis.redis, first, 6, 6);
  const all = (await store.list({ limit: 100 })).map(({ runId }) => runId);
  expect(all).toHaveLength(7);
  expect(all.at(-1)).toBe(first);
  const paged: string[] = [];
  for (let before: string | undefined; paged.length < 7; before = paged.at(-1)) {
    const page = await store.list({ limit: 3, ...(before === undefined ? {} : { before }) });
    paged.push(...page.map(({ runId }) => runId));
  }
  expect(paged).toEqual(all);
  expect(await store.list({ limit: 3, before: first })).toEqual([]);
  await expect(store.list({ limit: 3, before: 'run-nobody' })).rejects.toThrow(/no run "run-nobody"/);
});

test('a creation forgets the oldest ended run, and the plan and events of one that is not new any more', async () => {
  const { redis, store, fileRun } = await makeBench();
  const open = await fileRun(serialPlan(['eu'], 1));
  const first = await fileEndedRun(redis.redis, serialPlan(['us'], 2));
  await copyRun(redis.redis, first, KEPT_RUNS - 2, KEPT_WHOLE);
  const newest = await store.list({ limit: 1 });
  await fileEndedRun(redis.redis, serialPlan(['us'], 1));
  expect(await redis.redis.zcard(keys.runs)).toBe(KEPT_RUNS);
  await expect(store.view(first)).rejects.toThrow(/no run/);
  expect(await redis.redis.exists(keys.run(first), keys.runPlan(first), keys.runEvents(first))).toBe(0);
  expect((await store.view(open)).status).toBe('running');
  expect(await store.planOf(newest[0]?.runId ?? '')).toMatchObject({ workflow: 'test' });

  const [justOld] = await redis.redis.zrevrange(keys.runs, KEPT_WHOLE, KEPT_WHOLE);
  const runId = justOld ?? '';
  expect((await store.view(runId)).steps).toHaveLength(2);
  expect(await redis.redis.exists(keys.runPlan(runId), keys.runEvents(runId))).toBe(0);
  await redis.redis.hset(keys.run(runId), 'status', 'failed');
  const refused = await new RunControl(redis.redis, clock)
    .resume(runId, { actor: 'anna' })
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RemoraError);
  expect(refused).toMatchObject({ code: 'conflict', message: expect.stringContaining('its plan was forgotten') });
});

test('large runs go earlier: the steps of all that are kept have a limit', async () => {
  const { redis, store } = await makeBench();
  const large = await fileEndedRun(redis.redis, serialPlan(['us'], 3));
  await redis.redis.hset(keys.run(large), 'steps', KEPT_STEPS);
  await redis.redis.hset(keys.meta, 'runSteps', KEPT_STEPS);
  const next = await fileEndedRun(redis.redis, serialPlan(['us'], 3));
  expect((await store.list({ limit: 10 })).map(({ runId }) => runId)).toEqual([next]);
  expect(await redis.redis.hget(keys.meta, 'runSteps')).toBe('3');
});

test('plans are paged as well, also those that were made in one millisecond', async () => {
  const { redis, store } = await makeBench();
  const createdAt = new Date().toISOString();
  for (let i = 0; i < 5; i++) await store.savePlan({ ...documentOf(serialPlan(['us'], 1)), createdAt });
  const all = (await store.plans({ limit: 10 })).map(({ planId }) => planId);
  expect(new Set(all).size).toBe(5);
  const second = await store.plans({ limit: 2, before: all[1] as string });
  expect(second.map(({ planId }) => planId)).toEqual(all.slice(2, 4));
  expect(await store.plans({ limit: 2, before: all[4] as string })).toEqual([]);
  // One that is made as soon as the page was asked for shifts no place of it.
  const [page] = await Promise.all([
    store.plans({ limit: 2, before: all[1] as string }),
    redis.redis.zadd(keys.plans, Date.now() + 60_000, 'plan-made-meanwhile'),
  ]);
  expect(page.map(({ planId }) => planId)).toEqual(all.slice(2, 4));
  await expect(store.plans({ limit: 2, before: 'plan-nobody' })).rejects.toThrow(/no plan "plan-nobody"/);
});

test('of plans that were only looked at, the newest are kept', async () => {
  const { redis, store } = await makeBench();
  const first = documentOf(serialPlan(['us'], 1));
  await store.savePlan(first);
  const at = Date.parse(first.createdAt);
  const others = Array.from({ length: KEPT_PLANS - 1 }, (_, i) => [at + 1 + i, `plan-other-${i}`]).flat();
  await redis.redis.zadd(keys.plans, ...others);
  expect(await store.plan(first.planId)).toEqual(first);
  const last = { ...documentOf(serialPlan(['us'], 1)), createdAt: new Date(at + 60_000).toISOString() };
  await store.savePlan(last);
  expect(await store.plans({ limit: 1 })).toEqual([last]);
  await expect(store.plan(first.planId)).rejects.toThrow(/no plan/);
  expect(await redis.redis.zcard(keys.plans)).toBe(KEPT_PLANS);
});
