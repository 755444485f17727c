import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { describe, expect, test } from 'vitest';
import type { BatchLimits } from '../../../coordinator/src/plan/roll/batches.ts';
import { makeBench, until } from './bench.ts';
import { effectsOf, release, rollOf } from './effects.ts';

const anna = { actor: 'anna' };

describe('a roll', () => {
  test('with a canary pauses after its first node, keeps its clusters, and goes on when told', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const { runId } = await engine.start(rollOf({ n1: {}, n2: {}, n3: {} }), { ...anna, options: { canary: true } });
    const paused = await bench.ended(runId);
    expect(paused).toMatchObject({ status: 'paused', restarts: ['n1'], finishedAt: null });
    expect(await bench.redis.redis.hgetall('remora:locks')).toEqual({ us: runId });
    await expect(engine.resume(runId, anna)).rejects.toMatchObject({ code: 'conflict' });
    await engine.continue(runId, anna);
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expect(effectsOf(bench.effects())).toEqual(['n1/1', 'n2/1', 'n3/1', 'after/1']);
    await expect(engine.continue(runId, anna)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('with a canary pauses also when its driver died right after the first node', async () => {
    const bench = await makeBench();
    const runId = await bench.fileRun(rollOf({ n1: {}, n2: {} }), { options: { canary: true } });
    await bench.store.admit();
    const record = await bench.store.take(runId);
    const done = { status: 'succeeded', attempts: 1, startedAt: null, finishedAt: null, phase: null, error: null };
    const patch = {
      'step:n1': JSON.stringify({ ...done, intent: null, before: null, result: null }),
      restarts: '["n1"]',
    };
    const { fence = 0, version = 0 } = record ?? {};
    await bench.store.write(runId, { fence, version, request: 'r', patch, event: null });
    await bench.engine();
    expect((await bench.ended(runId)).status).toBe('paused');
    expect(bench.effects()).toEqual([]);
  });

  test('with a canary that failed tries that one again, and pauses once it is well', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const plan = rollOf({ n1: { fail: 'step-undone', failures: 1 }, n2: {} });
    const { runId } = await engine.start(plan, { ...anna, options: { canary: true } });
    expect((await bench.ended(runId)).status).toBe('failed');
    await engine.resume(runId, anna);
    expect(await bench.ended(runId)).toMatchObject({ status: 'paused', restarts: ['n1'] });
    expect(effectsOf(bench.effects())).toEqual(['n1/1', 'n1/2']);
  });

  test('that is cancelled during its canary is cancelled, not paused', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const plan = rollOf({ n1: { held: 'listening' }, n2: {} });
    const { runId } = await engine.start(plan, { ...anna, options: { canary: true } });
    await until(async () => (await engine.get(runId)).steps[0]?.status === 'running');
    await engine.cancel(runId, anna);
    release(bench.file);
    expect((await bench.ended(runId)).status).toBe('cancelled');
  });

  test('that is paused can be cancelled, and gives its clusters back', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const { runId } = await engine.start(rollOf({ n1: {}, n2: {} }), { ...anna, options: { canary: true } });
    await bench.ended(runId);
    expect((await engine.cancel(runId, anna)).status).toBe('cancelled');
    await until(async () => Object.keys(await bench.redis.redis.hgetall('remora:locks')).length === 0);
  });

  test.each([
    [undefined, ['n1'], 'pending'],
    ['0', ['n1'], 'pending'],
    ['1', ['n1', 'n2', 'n3', 'n4'], 'succeeded'],
    ['25%', ['n1', 'n2', 'n3', 'n4'], 'succeeded'],
    ['24%', ['n1'], 'pending'],
  ])('with --max-fail %s of four nodes, the first of which fails', async (maxFail, begun, last) => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const plan = rollOf({ n1: { fail: 'step-undone' }, n2: {}, n3: {}, n4: {} });
    const { runId } = await engine.start(plan, { ...anna, options: maxFail === undefined ? {} : { maxFail } });
    const run = await bench.ended(runId);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'step-undone' } });
    expect(effectsOf(bench.effects())).toEqual(begun.map((id) => `${id}/1`));
    expect(run.steps.map(({ status }) => status)).toEqual(['undone', last, last, last, 'pending']);
  });

  test('that may lose a node does not try that one again under its next driver', async () => {
    const bench = await makeBench();
    const coordinator = await bench.coordinator();
    const plan = rollOf({ n1: { fail: 'step-failed' }, n2: { ms: 3000 }, n3: {} });
    const runId = await bench.fileRun(plan, { options: { maxFail: '1' } });
    await until(async () => (await bench.store.view(runId)).steps[1]?.status === 'running');
    coordinator.signal('SIGKILL');
    await bench.coordinator();
    expect((await bench.ended(runId)).status).toBe('failed');
    expect(effectsOf(bench.effects())).toEqual(['n1/1', 'n2/1', 'n3/1']);
  });

  test('begins no node after its time, and can be resumed in the next window', async () => {
    const bench = await makeBench();
    let now = Date.parse('2030-01-01T00:00:00Z');
    const engine = await bench.engine({
      clock: () => new Date(now),
      nextInRoll: async (pending) => {
        now += 3_600_000;
        return pending.slice(0, 1);
      },
    });
    const options = { notAfter: '2030-01-01T01:30:00Z' };
    const { runId } = await engine.start(rollOf({ n1: {}, n2: {}, n3: {} }), { ...anna, options });
    const run = await bench.ended(runId);
    expect(run).toMatchObject({ status: 'cancelled', error: { code: 'run-stopped' } });
    expect(run.steps.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'pending', 'pending']);
    await engine.resume(runId, { ...anna, notAfter: '2030-01-02T00:00:00Z' });
    expect((await bench.ended(runId)).status).toBe('succeeded');
  });
});

describe('a roll in batches', () => {
  const sizesOf = async (options: ChangeOptions, count: number): Promise<number[]> => {
    const bench = await makeBench();
    const sizes: number[] = [];
    const engine = await bench.engine({
      nextInRoll: async (pending, { size }) => {
        const batch = pending.slice(0, size);
        sizes.push(batch.length);
        return batch;
      },
    });
    const plan = rollOf(Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, {}])));
    const { runId } = await engine.start(plan, { ...anna, options });
    const first = await bench.ended(runId);
    if (first.status === 'paused') await engine.continue(runId, anna);
    expect((await bench.ended(runId)).status).toBe('succeeded');
    return sizes;
  };

  test.each([
    [{}, [1, 1, 1, 1, 1]],
    [{ serial: ['2'] }, [2, 2, 1]],
    [{ serial: ['1', '3'] }, [1, 3, 1]],
    [{ serial: ['40%'] }, [2, 2, 1]],
    [{ serial: ['10%'] }, [1, 1, 1, 1, 1]],
    [{ serial: ['100%'], canary: true }, [1, 4]],
    [{ batchBy: 'zone' }, [5]],
  ] as const)('%j of five nodes', async (options, sizes) => {
    expect(await sizesOf(options as ChangeOptions, 5)).toEqual(sizes);
  });

  test('asks for nodes that share the attribute', async () => {
    const bench = await makeBench();
    const asked: BatchLimits[] = [];
    const engine = await bench.engine({
      nextInRoll: async (pending, limits) => {
        asked.push(limits);
        return pending.slice(0, 2);
      },
    });
    const options = { batchBy: 'zone', serial: ['3'] };
    const { runId } = await engine.start(rollOf({ n1: {}, n2: {}, n3: {} }), { ...anna, options });
    await bench.ended(runId);
    expect(asked).toEqual([
      { size: 3, attribute: 'zone' },
      { size: 3, attribute: 'zone' },
    ]);
  });

  test('runs a batch side by side, brings it to its end when one of it fails, and begins no other one', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const plan = rollOf({ n1: { fail: 'step-undone' }, n2: { held: 'listening' }, n3: {} });
    const { runId } = await engine.start(plan, { ...anna, options: { serial: ['2'] } });
    await until(async () => (await engine.get(runId)).steps[0]?.status === 'undone');
    expect((await engine.get(runId)).status).toBe('running');
    release(bench.file);
    const run = await bench.ended(runId);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'step-undone' } });
    expect(run.steps.map(({ status }) => status)).toEqual(['undone', 'succeeded', 'pending', 'pending']);
  });

  test('that is interrupted in a batch goes on with it, then with the next', async () => {
    const bench = await makeBench();
    const coordinator = await bench.coordinator();
    const plan = rollOf({ n1: { ms: 1500 }, n2: { ms: 1500 }, n3: {} });
    const runId = await bench.fileRun(plan, { options: { serial: ['2'] } });
    await until(async () => (await bench.store.view(runId)).steps[1]?.status === 'running');
    coordinator.signal('SIGKILL');
    await bench.coordinator();
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expect(effectsOf(bench.effects()).sort()).toEqual(['after/1', 'n1/1', 'n2/1', 'n3/1']);
  });
});
