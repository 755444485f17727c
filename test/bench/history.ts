import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { StoredPlan } from '../../coordinator/src/plan/steps.ts';
import { KEPT_WHOLE } from '../../coordinator/src/store/runs/run-retention.ts';
import { Fleet } from '../support/fleet.ts';
import { copyRun, fileEndedRun } from '../support/history.ts';
import { smallPlan } from '../support/small-plan.ts';

/**
 * What a long history of runs costs: `npm run bench:history`. A real coordinator with its private Redis, and runs of 15 steps as a connect of four nodes has
 * them. Prints the time of the first page of `runs list` beside that of a store with no run, and what a run takes in Redis.
 */
const STEPS = 15;
const ROUNDS = 9;
const SIZES = [0, 1000, 10_000];

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

const timed = async (act: () => Promise<unknown>): Promise<number> => {
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const began = performance.now();
    await act();
    times.push(performance.now() - began);
  }
  return median(times);
};

/** A plan of so many steps that say as much as those of a real one. */
const planOf = (steps: number): StoredPlan => {
  const plan = smallPlan('plan-bench');
  const [step] = plan.steps;
  if (!step) throw new Error('the plan has a step');
  const diff = '+ xpack.security.remote_cluster_server.ssl.keystore.path: remora-remote-cluster-server.p12\n'.repeat(8);
  return { ...plan, steps: Array.from({ length: steps }, (_, i) => ({ ...step, id: `step-${i}`, diff })) };
};

const memoryOf = async (redis: Redis): Promise<number> =>
  Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);

await using fleet = await Fleet.start();
const redis = new Redis({ path: join(fleet.dataDirectory, 'redis', 'redis.sock') });
const memoryAtFirst = await memoryOf(redis);
const page = () => fleet.api('/runs');
const command = () => fleet.cli(['runs', 'list']);
await page();
await command();
const first = { page: 0, command: 0 };
let last = '';
let filed = 0;
for (const size of SIZES) {
  if (size > 0 && last === '') {
    last = await fileEndedRun(redis, planOf(STEPS));
    filed = 1;
  }
  // One creation after the copies lets the retention have its word.
  if (size > filed) {
    await copyRun(redis, last, size - filed - 1, KEPT_WHOLE);
    last = await fileEndedRun(redis, planOf(STEPS));
    filed = size;
  }
  const times = { page: await timed(page), command: await timed(command) };
  if (size === 0) Object.assign(first, times);
  const memory = (await memoryOf(redis)) - memoryAtFirst;
  const ratios = `${(times.page / first.page).toFixed(1)} and ${(times.command / first.command).toFixed(2)} times an empty store`;
  const each =
    size === 0 ? '' : `, ${(memory / 1e6).toFixed(0)} MB in Redis, ${(memory / size / 1000).toFixed(1)} KB a run`;
  console.log(
    `${String(size).padStart(6)} runs: first page ${times.page.toFixed(1)} ms, command ${times.command.toFixed(0)} ms (${ratios})${each}`,
  );
}
redis.disconnect();
