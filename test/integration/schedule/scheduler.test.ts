import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ScheduleRecord } from '../../../coordinator/src/schedule/record.ts';
import { openInventory } from '../../../coordinator/src/store/inventory.ts';
import { type Bench, makeBench, until } from '../run/bench.ts';
import type { TestCoordinator } from '../run/coordinators.ts';
import { release } from '../run/effects.ts';
import type { ScheduledWork } from './scheduler-process.ts';

const MAIN = join(import.meta.dirname, 'scheduler-process.ts');
const EVERY_TWO_SECONDS = '*/2 * * * * *';
/** The first of January: whoever was made two years ago has missed it, twice. */
const YEARLY = '0 0 1 1 *';
const twoYearsAgo = (): string => new Date(Date.now() - 2 * 366 * 86_400_000).toISOString();

const schedulesOf = (bench: Bench) => openInventory(bench.redis.redis).schedules;

const put = async (
  bench: Bench,
  name: string,
  work: ScheduledWork = {},
  more: Partial<ScheduleRecord> = {},
): Promise<void> => {
  const now = new Date().toISOString();
  await schedulesOf(bench).put(name, {
    ...{ name, cron: EVERY_TWO_SECONDS, timezone: 'UTC', do: 'rotate-expiring', arguments: {} },
    ...{ options: { reason: JSON.stringify(work) }, window: null, jitter: null, paused: false, pausedBecause: null },
    ...{ createdAt: now, doneUntil: now, fire: null, last: null, ...more },
  });
};

const lines = (two: readonly TestCoordinator[], message: string) =>
  two.flatMap(({ log }) => log.filter((line) => line.message === message));

const keysOf = (two: readonly TestCoordinator[]): string[] => lines(two, 'begins').map(({ key }) => String(key));
const tellsOf = (two: readonly TestCoordinator[]): string[] => lines(two, 'tells').map(({ type }) => String(type));

const runsOf = async (bench: Bench, name: string) =>
  (await bench.store.list({ limit: 100 })).filter(({ actor }) => actor === `schedule:${name}`);

const lastOf = async (bench: Bench, name: string) => (await schedulesOf(bench).get(name))?.last ?? null;

test('two coordinators: each fire makes one run, which is an ordinary one', async () => {
  const bench = await makeBench();
  const two = [await bench.coordinator(MAIN), await bench.coordinator(MAIN)];
  await put(bench, 'often');
  await until(async () => (await runsOf(bench, 'often')).length >= 3);
  await schedulesOf(bench).change('often', (record) => ({ ...record, paused: true }));
  await until(async () => (await schedulesOf(bench).get('often'))?.fire === null);
  const keys = keysOf(two);
  expect(new Set(keys).size).toBe(keys.length);
  const runs = await runsOf(bench, 'often');
  expect(runs).toHaveLength(keys.length);
  expect(runs.map(({ status }) => status)).toEqual(runs.map(() => 'succeeded'));
  expect(bench.effects()).toHaveLength(runs.length);
  expect(await lastOf(bench, 'often')).toMatchObject({ outcome: 'succeeded', runId: runs[0]?.runId });
});

test('kill -9 of the coordinator that plans: another one carries the same fire out, once', async () => {
  const bench = await makeBench();
  const two = [await bench.coordinator(MAIN), await bench.coordinator(MAIN)];
  await put(bench, 'slow', { planningMs: 1500 }, { cron: YEARLY, doneUntil: twoYearsAgo() });
  const { pid } = await until(() => lines(two, 'begins')[0]);
  const living = two.filter((one) => one.pid !== pid);
  two.find((one) => one.pid === pid)?.signal('SIGKILL');
  await until(async () => (await lastOf(bench, 'slow'))?.outcome === 'succeeded');
  expect(new Set([...keysOf(two), ...keysOf(living)]).size).toBe(1);
  expect(await runsOf(bench, 'slow')).toHaveLength(1);
  expect(bench.effects()).toHaveLength(1);
});

test('Redis that is away over several fires: one of them is caught up with, and then it goes on', async () => {
  const bench = await makeBench();
  const one = [await bench.coordinator(MAIN)];
  await put(bench, 'often');
  await until(async () => (await runsOf(bench, 'often')).length >= 1);
  await bench.redis.kill();
  const from = Date.now();
  await sleep(6500);
  const to = Date.now();
  await bench.redis.start();
  const slots = () => keysOf(one).map((key) => Date.parse(key.slice('often/'.length)));
  await until(() => slots().some((slot) => slot > to));
  const missed = slots().filter((slot) => slot > from && slot < to - 2000);
  expect(missed.length).toBeLessThanOrEqual(1);
  expect(new Set(keysOf(one)).size).toBe(keysOf(one).length);
});

describe('fires that nobody was there for', () => {
  test('are caught up with once, by whichever coordinator comes', async () => {
    const bench = await makeBench();
    await put(bench, 'missed', {}, { cron: YEARLY, doneUntil: twoYearsAgo() });
    await put(bench, 'closed', {}, { cron: YEARLY, doneUntil: twoYearsAgo(), window: '1s' });
    await put(bench, 'paused', {}, { cron: YEARLY, doneUntil: twoYearsAgo(), paused: true });
    const two = [await bench.coordinator(MAIN), await bench.coordinator(MAIN)];
    await until(async () => (await lastOf(bench, 'missed'))?.outcome === 'succeeded');
    await until(async () => (await lastOf(bench, 'closed')) !== null);
    const newYear = `${new Date().getUTCFullYear()}-01-01T00:00:00.000Z`;
    expect(keysOf(two)).toEqual([`missed/${newYear}`]);
    expect(await lastOf(bench, 'closed')).toMatchObject({ outcome: 'skipped', runId: null });
    expect((await lastOf(bench, 'closed'))?.message).toContain(
      `The fire of ${newYear} was left out: its window closed`,
    );
    expect(await schedulesOf(bench).get('paused')).toMatchObject({ fire: null, last: null });
    expect(tellsOf(two)).toEqual(['schedule.skipped']);
  });
});

describe('a fire that does not go well', () => {
  test('is left out while the run before goes on, which is told once', async () => {
    const bench = await makeBench();
    const one = [await bench.coordinator(MAIN)];
    await put(bench, 'held', { held: 'listening' });
    const skipped = await until(async () => {
      const last = await lastOf(bench, 'held');
      return last?.outcome === 'skipped' ? last : null;
    });
    const [run] = await runsOf(bench, 'held');
    expect(skipped).toMatchObject({
      runId: run?.runId,
      message: expect.stringMatching(/^The fire of .* was left out: that of .* is not over\.$/),
    });
    await until(async () => ((await lastOf(bench, 'held'))?.at ?? '') > skipped.at);
    expect(await runsOf(bench, 'held')).toHaveLength(1);
    await schedulesOf(bench).change('held', (record) => ({ ...record, paused: true }));
    release(bench.file);
    await until(async () => (await lastOf(bench, 'held'))?.outcome === 'succeeded');
    expect(tellsOf(one)).toEqual(['schedule.skipped']);
  });

  test.each<[string, ScheduledWork, object]>([
    [
      'its run fails',
      { fail: 'step-failed' },
      { message: 's0 was told to fail', runId: expect.stringMatching(/^run-/) },
    ],
    [
      'it is refused',
      { refused: true },
      { message: 'It is refused.', runId: null, findings: ['A check did not hold.'] },
    ],
  ])('%s: that is on record, and told', async (_, work, wanted) => {
    const bench = await makeBench();
    const one = [await bench.coordinator(MAIN)];
    await put(bench, 'bad', work, { cron: YEARLY, doneUntil: twoYearsAgo() });
    const last = await until(() => lastOf(bench, 'bad'));
    expect(last).toMatchObject({ outcome: 'failed', ...wanted });
    await until(() => tellsOf(one).length > 0);
    expect(tellsOf(one)).toEqual(['schedule.failed']);
  });

  test('an agent that is away, as all are when a coordinator has just started, is waited for', async () => {
    const bench = await makeBench();
    const one = [await bench.coordinator(MAIN)];
    await put(bench, 'early', { awayTimes: 2 }, { cron: YEARLY, doneUntil: twoYearsAgo() });
    const last = await until(() => lastOf(bench, 'early'));
    expect(last).toMatchObject({ outcome: 'succeeded', findings: [] });
    expect(await runsOf(bench, 'early')).toHaveLength(1);
    expect(keysOf(one)).toHaveLength(3);
    expect(tellsOf(one)).toEqual([]);
  });

  test('what its run leaves is on record, and told', async () => {
    const bench = await makeBench();
    const one = [await bench.coordinator(MAIN)];
    const warnings = ['It is left: the agent of us-1 is offline.'];
    await put(bench, 'partly', { warnings }, { cron: YEARLY, doneUntil: twoYearsAgo() });
    expect(await until(() => lastOf(bench, 'partly'))).toMatchObject({ outcome: 'succeeded', findings: warnings });
    await until(() => tellsOf(one).length > 0);
    expect(tellsOf(one)).toEqual(['schedule.report']);
  });
});
