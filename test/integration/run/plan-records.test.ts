import { PLAN_VERSION } from '@remora/shared/model/plan.ts';
import { expect, test } from 'vitest';
import { planView } from '../../../coordinator/src/http/schemas/plan-view.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { makeBench } from './bench.ts';
import { documentOf, serialPlan } from './effects.ts';

test('a plan is kept with its format; one of a newer format is refused by name, and not listed', async () => {
  const { redis, store, fileRun } = await makeBench();
  const [plan, newer] = [documentOf(serialPlan(['us'], 1)), documentOf(serialPlan(['us'], 1))];
  for (const each of [plan, newer]) await store.savePlan(each);
  const runId = await fileRun(plan);
  expect(await store.plan(plan.planId)).toEqual(plan);
  expect(await store.planOf(runId)).toMatchObject({ planId: plan.planId, version: PLAN_VERSION });

  for (const key of [keys.plan(newer.planId), keys.runPlan(runId)])
    await redis.redis.set(key, JSON.stringify({ ...newer, version: PLAN_VERSION + 1 }));
  const refusal = {
    code: 'plan-newer',
    message: expect.stringContaining(
      `has format ${PLAN_VERSION + 1}, and this release reads formats up to ${PLAN_VERSION}`,
    ),
  };
  await expect(store.plan(newer.planId)).rejects.toMatchObject(refusal);
  await expect(store.planOf(runId)).rejects.toMatchObject(refusal);
  expect((await store.plans({ limit: 10 })).map(({ planId }) => planId)).toEqual([plan.planId]);

  const { roll: _, batches: __, ...earlier } = plan;
  await redis.redis.set(keys.plan(plan.planId), JSON.stringify(earlier));
  expect(await store.plan(plan.planId)).toEqual({ ...earlier, roll: {}, batches: [] });
  expect((await store.plans({ limit: 10 })).map(planView)).toMatchObject([{ roll: {}, batches: [] }]);
});
