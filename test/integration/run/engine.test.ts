import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import { describe, expect, test } from 'vitest';
import type { AgentCalls } from '../../../coordinator/src/gateway/agent-calls.ts';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import { makeBench, until } from './bench.ts';
import { planOf, serialPlan, workStep } from './effects.ts';

const effectsOf = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => /^effect [^/]+\/([^/]+)\//.exec(line)?.[1] ?? []);

test('a run goes through its stages in order, and tells so', async () => {
  const bench = await makeBench();
  const engine = await bench.engine();
  const plan = planOf(
    ['us'],
    [
      { mode: 'serial', steps: [workStep('a', 'first'), workStep('b', 'first')] },
      { mode: 'parallel', steps: Array.from({ length: 12 }, (_, i) => workStep(`p${i}`, 'second', { ms: 20 })) },
      { mode: 'serial', steps: [workStep('z', 'third')] },
    ],
  );
  let wakes = 0;
  const { runId } = await engine.start(plan, { actor: 'anna' });
  const stop = engine.subscribe(runId, () => {
    wakes += 1;
  });
  const run = await engine.waitUntilEnded(runId, AbortSignal.timeout(60_000));
  stop();
  expect(run).toMatchObject({ status: 'succeeded', actor: 'anna', planId: plan.planId, error: null, waitingFor: null });
  expect(run.steps.map(({ status, attempts }) => [status, attempts])).toEqual(plan.steps.map(() => ['succeeded', 1]));
  const order = effectsOf(bench.effects());
  expect(order.slice(0, 2)).toEqual(['a', 'b']);
  expect(order.at(-1)).toBe('z');
  expect(order).toHaveLength(15);
  expect(wakes).toBeGreaterThan(0);
  const events = await engine.events(runId, 0);
  expect(events.at(-1)).toMatchObject({ type: 'run', status: 'succeeded' });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
});

test('a roll asks before each node which one comes next', async () => {
  const bench = await makeBench();
  const asked: string[][] = [];
  const engine = await bench.engine({
    nextInRoll: async (pending: readonly AnyStep[]) => {
      asked.push(pending.map(({ id }) => id));
      return pending.slice(-1);
    },
  });
  const steps = ['n1', 'n2', 'n3'].map((id) => workStep(id, 'roll'));
  const { runId } = await engine.start(planOf(['us'], [{ mode: 'roll', steps }]), { actor: 'anna' });
  expect((await bench.ended(runId)).status).toBe('succeeded');
  expect(effectsOf(bench.effects())).toEqual(['n3', 'n2', 'n1']);
  expect(asked).toEqual([['n1', 'n2', 'n3'], ['n1', 'n2'], ['n1']]);
});

describe('failure', () => {
  test.each([
    ['step-failed', 'failed'],
    ['step-undone', 'undone'],
  ] as const)('%s ends the run, leaves the rest pending, and puts back what was paused', async (fail, status) => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const steps = [
      workStep('one', 'work', { restore: 'paused' }),
      workStep('two', 'work', { fail }),
      workStep('three', 'work'),
    ];
    const { runId } = await engine.start(planOf(['us'], [{ mode: 'serial', steps }]), { actor: 'anna' });
    const run = await engine.waitUntilEnded(runId, AbortSignal.timeout(60_000));
    const error = { code: fail, message: 'two was told to fail', hint: expect.stringMatching(/./) };
    expect(run).toMatchObject({ status: 'failed', error });
    expect(run.steps.map((step) => step.status)).toEqual(['succeeded', status, 'pending']);
    expect(run.steps[1]?.error).toEqual(run.error);
    expect(bench.effects().at(-1)).toBe('restored paused');
  });

  test('of one of several steps lets those that were begun end', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const steps = [workStep('bad', 'work', { fail: 'step-failed' }), workStep('slow', 'work', { ms: 500 })];
    const { runId } = await engine.start(planOf(['us'], [{ mode: 'parallel', steps }]), { actor: 'anna' });
    const run = await bench.ended(runId);
    expect(run.steps.map((step) => step.status)).toEqual(['failed', 'succeeded']);
  });

  test('that was recorded before its driver died is not tried again, but ends the run', async () => {
    const bench = await makeBench();
    const runId = await bench.fileRun(serialPlan(['us'], 2));
    await bench.store.admit();
    const record = await bench.store.take(runId);
    const error = { code: 'step-failed', message: 'it broke', hint: 'mend it' };
    const state = { status: 'failed', attempts: 1, error, startedAt: null, finishedAt: null, phase: null };
    await bench.store.write(runId, {
      ...{ fence: record?.fence ?? 0, version: record?.version ?? 0, request: 'x', event: null },
      patch: { 'step:s0': JSON.stringify(state) },
    });
    await bench.engine();
    expect(await bench.ended(runId)).toMatchObject({ status: 'failed', error });
    expect(bench.effects()).toEqual([]);
  });

  test('to put something back is told and repeated; the clusters stay locked until it succeeds', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const first = await engine.start(
      planOf(['us'], [{ mode: 'serial', steps: [workStep('a', 'w', { restore: 'flaky', fail: 'step-failed' })] }]),
      { actor: 'anna' },
    );
    const second = await engine.start(serialPlan(['us', 'eu'], 1), { actor: 'anna' });
    expect(second).toMatchObject({ status: 'waiting', waitingFor: first.runId });
    expect((await bench.ended(second.runId)).status).toBe('succeeded');
    const lines = bench.effects().map((line) => line.replace(/ run-.*/, ''));
    expect(lines).toEqual(['effect', 'tried flaky', 'tried flaky', 'tried flaky', 'restored flaky', 'effect']);
    const told = (await engine.events(first.runId, 0)).filter(({ message }) =>
      message.includes('could not be put back'),
    );
    expect(told).toHaveLength(1);
  });
});

test('the same key starts one run', async () => {
  const bench = await makeBench();
  const engine = await bench.engine();
  const options = { actor: 'anna', idempotencyKey: 'key-12345' };
  const first = await engine.start(serialPlan(['us'], 1), options);
  const second = await engine.start(serialPlan(['us'], 1), options);
  expect(second.runId).toBe(first.runId);
  await bench.ended(first.runId);
  expect(await engine.list({ limit: 10 })).toHaveLength(1);
});

test('a plan that another run went before is checked again, and refused when it is stale', async () => {
  const bench = await makeBench();
  const checked: string[] = [];
  const engine = await bench.engine({
    recheck: async ({ planId }) => {
      checked.push(planId);
      throw new RemoraError('conflict', 'the plan would be another by now');
    },
  });
  const first = serialPlan(['us'], 1, { ms: 200 });
  const second = serialPlan(['us'], 1);
  const runs = [await engine.start(first, { actor: 'anna' }), await engine.start(second, { actor: 'anna' })];
  const ends = await Promise.all(runs.map(({ runId }) => bench.ended(runId)));
  expect(ends.map(({ status, error }) => [status, error?.code])).toEqual([
    ['succeeded', undefined],
    ['failed', 'conflict'],
  ]);
  expect(checked).toEqual([second.planId]);
  expect(effectsOf(bench.effects())).toHaveLength(1);
});

test('waiting for the end stops with its signal', async () => {
  const bench = await makeBench();
  const engine = await bench.engine();
  const { runId } = await engine.start(serialPlan(['us'], 1, { ms: 3000 }), { actor: 'anna' });
  const reason = new Error('the client went away');
  await expect(engine.waitUntilEnded(runId, AbortSignal.abort(reason))).rejects.toBe(reason);
  const gone = new AbortController();
  const waited = engine.waitUntilEnded(runId, gone.signal);
  gone.abort(reason);
  await expect(waited).rejects.toBe(reason);
  await expect(engine.get('run-nobody')).rejects.toMatchObject({ code: 'not-found' });
});

const nodeStep: AnyStep = {
  ...{ id: 'node', kind: 'node.change', target: 'us-1', effect: 'file', reason: 'a file', diff: '', stage: 'nodes' },
  input: {
    ...{ cluster: 'us', node: 'us-1', operations: [], outageStated: { master: false, data: [] } },
    baseline: { health: 'green', nodes: 1 },
  },
};

describe('deliveries', () => {
  test('a step whose agent is away shows as waiting, and as running when it is back', async () => {
    const bench = await makeBench();
    const answered = Promise.withResolvers<void>();
    let online = false;
    const ids: string[] = [];
    const change: AgentCalls['change'] = async (_, { id, fence }) => {
      ids.push(`${id} ${fence > 0}`);
      await answered.promise;
      return { type: 'result', id, outcome: 'done', results: [], error: null };
    };
    const engine = await bench.engine({ agents: { change }, isOnline: async () => online });
    const { runId } = await engine.start(planOf(['us'], [{ mode: 'serial', steps: [nodeStep] }]), { actor: 'anna' });
    const statusOf = async (): Promise<string | undefined> => (await engine.get(runId)).steps[0]?.status;
    await until(async () => (await statusOf()) === 'waiting');
    expect((await engine.get(runId)).steps[0]?.phase).toContain('us-1');
    online = true;
    await until(async () => (await statusOf()) === 'running');
    answered.resolve();
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expect(ids).toEqual([`${runId}/node/1 true`]);
  });

  test('an agent that refuses the fence of the driver itself fails the step, instead of going round for ever', async () => {
    const bench = await makeBench();
    const change: AgentCalls['change'] = async () => {
      throw new RemoraError('fence-stale', 'the agent saw a higher fence');
    };
    const engine = await bench.engine({ agents: { change } });
    const { runId } = await engine.start(planOf(['us'], [{ mode: 'serial', steps: [nodeStep] }]), { actor: 'anna' });
    expect(await bench.ended(runId)).toMatchObject({ status: 'failed', error: { code: 'fence-stale' } });
  });
});

test('connections to Redis are as many with 30 runs as with none', async () => {
  const bench = await makeBench();
  const engine = await bench.engine();
  const count = async (): Promise<number> =>
    String(await bench.redis.redis.client('LIST'))
      .trim()
      .split('\n').length;
  await bench.ended((await engine.start(serialPlan(['x'], 1), { actor: 'anna' })).runId);
  const before = await count();
  const runs = Array.from({ length: 30 }, (_, i) =>
    engine.start(serialPlan([`c${i}`], 2, { ms: 300 }), { actor: 'anna' }),
  );
  const ids = (await Promise.all(runs)).map(({ runId }) => runId);
  await sleep(300);
  expect(await count()).toBe(before);
  for (const runId of ids) expect((await bench.ended(runId)).status).toBe('succeeded');
  expect(await count()).toBe(before);
});
