import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Bench, makeBench, until } from './bench.ts';
import type { TestCoordinator } from './coordinators.ts';
import { release, serialPlan } from './effects.ts';

/** Steps of a run in the order of their effects, with the process that had each. */
const effectsOf = (bench: Bench, runId: string): { step: string; pid: number }[] =>
  bench.effects().flatMap((line) => {
    const [kind, name = '', pid] = line.split(' ');
    const [run, step = ''] = name.split('/');
    return kind === 'effect' && run === runId ? [{ step, pid: Number(pid) }] : [];
  });

const expectEachOnce = (bench: Bench, runId: string, steps: number): void =>
  expect(effectsOf(bench, runId).map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => `s${i}`));

const firstEffect = (bench: Bench, runId: string): Promise<{ pid: number }> => until(() => effectsOf(bench, runId)[0]);

describe('kill -9 of the driver', () => {
  test('another coordinator goes on from the first step that is not done', async () => {
    const bench = await makeBench();
    const two = [await bench.coordinator(), await bench.coordinator()];
    const runId = await bench.fileRun(serialPlan(['us'], 10, { ms: 600 }));
    const { pid } = await firstEffect(bench, runId);
    two.find((one) => one.pid === pid)?.signal('SIGKILL');
    const killed = performance.now();
    await until(() => effectsOf(bench, runId).find((effect) => effect.pid !== pid));
    console.info(`first effect of the next driver ${Math.round(performance.now() - killed)} ms after kill -9`);
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expectEachOnce(bench, runId, 10);
    expect((await bench.store.view(runId)).steps.map(({ attempts }) => attempts)).toEqual(Array(10).fill(1));
  });

  test('as often as it happens', async () => {
    const bench = await makeBench();
    const runId = await bench.fileRun(serialPlan(['us'], 6, { ms: 300 }));
    for (let round = 1; round <= 3; round += 1) {
      const one = await bench.coordinator();
      await until(() => effectsOf(bench, runId).length > round);
      one.signal('SIGKILL');
      await one.exited;
    }
    await bench.coordinator();
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expectEachOnce(bench, runId, 6);
  });

  test('what it had paused is put back by the next one', async () => {
    const bench = await makeBench();
    const one = await bench.coordinator();
    const runId = await bench.fileRun(serialPlan(['us'], 2, { ms: 800, restore: 'paused', fail: 'step-failed' }));
    await firstEffect(bench, runId);
    one.signal('SIGKILL');
    await one.exited;
    expect(bench.effects()).not.toContain('restored paused');
    await bench.coordinator();
    await bench.ended(runId);
    await until(async () => (await bench.redis.redis.hlen('remora:locks')) === 0);
    expect(bench.effects().filter((line) => line === 'restored paused')).toHaveLength(1);
  });
});

describe('a driver that sleeps for longer than its lock', () => {
  test('writes nothing more when another one went on', async () => {
    const bench = await makeBench();
    const two = [await bench.coordinator(), await bench.coordinator()];
    const runId = await bench.fileRun(serialPlan(['us'], 30, { ms: 500 }));
    const { pid } = await firstEffect(bench, runId);
    const sleeper = two.find((one) => one.pid === pid);
    sleeper?.signal('SIGSTOP');
    await until(() => effectsOf(bench, runId).some((effect) => effect.pid !== pid));
    const had = effectsOf(bench, runId).filter((effect) => effect.pid === pid).length;
    sleeper?.signal('SIGCONT');
    await until(() => sleeper?.log.some(({ message }) => message === 'somebody else goes on with a run'));
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expectEachOnce(bench, runId, 30);
    expect(effectsOf(bench, runId).filter((effect) => effect.pid === pid)).toHaveLength(had);
  });

  test('and is the only one goes on itself, once', async () => {
    const bench = await makeBench();
    const only = await bench.coordinator();
    const runId = await bench.fileRun(serialPlan(['us'], 12, { ms: 500 }));
    await firstEffect(bench, runId);
    only.signal('SIGSTOP');
    await sleep(8000);
    only.signal('SIGCONT');
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expectEachOnce(bench, runId, 12);
  });
});

describe('SIGTERM', () => {
  test.each([
    ['hands the run over', { held: 'listening' }],
    ['hands the run over although a step does not listen', { held: 'deaf' }],
  ] as const)('%s', async (_, work) => {
    const bench = await makeBench();
    const first = await bench.coordinator();
    const runId = await bench.fileRun(serialPlan(['us'], 2, work));
    await until(async () => (await bench.store.view(runId)).steps[0]?.status === 'running');
    await bench.coordinator();
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    const run = await bench.store.view(runId);
    expect([run.status, run.error, run.steps.filter(({ error }) => error !== null)]).toEqual(['running', null, []]);
    release(bench.file);
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expectEachOnce(bench, runId, 2);
  });

  test('of the only coordinator: the run goes on at the next start', async () => {
    const bench = await makeBench();
    const first = await bench.coordinator();
    const runId = await bench.fileRun(serialPlan(['us'], 4, { ms: 400 }));
    await firstEffect(bench, runId);
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    await bench.coordinator();
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expectEachOnce(bench, runId, 4);
  });

  test('while Redis is away', async () => {
    const bench = await makeBench();
    const first = await bench.coordinator();
    const runId = await bench.fileRun(serialPlan(['us'], 4, { ms: 400 }));
    await firstEffect(bench, runId);
    await bench.redis.kill();
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    await bench.redis.start();
    await bench.coordinator();
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expectEachOnce(bench, runId, 4);
  });
});

describe('kill -9 of Redis', () => {
  test.each([0, 12_000])('for %d ms: no step fails, each takes effect once', async (ms) => {
    const bench = await makeBench();
    await bench.coordinator();
    const runId = await bench.fileRun(serialPlan(['us'], 8, { ms: 400 }));
    await firstEffect(bench, runId);
    await bench.redis.kill();
    await sleep(ms);
    await bench.redis.start();
    const run = await bench.ended(runId);
    expect(run.error).toBeNull();
    expectEachOnce(bench, runId, 8);
  });
});

test('3 coordinators, 8 runs, kills, sleeps and losses of Redis: every effect once, one run a cluster at a time', async () => {
  const bench = await makeBench();
  const living = [await bench.coordinator(), await bench.coordinator(), await bench.coordinator()];
  const names = [['a'], ['b'], ['a', 'b'], ['c'], ['c'], ['b', 'c'], ['d'], ['a', 'd']];
  const runs: string[] = [];
  for (const clusters of names) runs.push(await bench.fileRun(serialPlan(clusters, 8, { ms: 300 })));
  const victim = (): TestCoordinator => {
    const one = living[Math.floor(Math.random() * living.length)];
    if (!one) throw new Error('nobody lives');
    return one;
  };
  for (let round = 0; round < 3; round += 1) {
    await sleep(1500);
    const killed = living.splice(living.indexOf(victim()), 1)[0];
    killed?.signal('SIGKILL');
    const sleeper = victim();
    sleeper.signal('SIGSTOP');
    if (round % 2 === 1) {
      await bench.redis.kill();
      await sleep(300);
      await bench.redis.start();
    }
    living.push(await bench.coordinator());
    await sleep(7000);
    sleeper.signal('SIGCONT');
  }
  for (const runId of runs) {
    expect((await bench.ended(runId)).error).toBeNull();
    expectEachOnce(bench, runId, 8);
  }
  const order = bench.effects().map((line) => line.split(/[ /]/)[1] ?? '');
  for (const cluster of ['a', 'b', 'c', 'd']) {
    const holders = runs.filter((_, i) => names[i]?.includes(cluster));
    const changes = order.filter((runId) => holders.includes(runId)).filter((runId, i, all) => runId !== all[i - 1]);
    // One after the other, and in the order in which they were filed.
    expect(changes).toEqual(holders);
  }
});
