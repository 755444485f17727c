import { describe, expect, test } from 'vitest';
import { RunControl } from '../../../coordinator/src/store/run-control.ts';
import { type Bench, makeBench, until } from './bench.ts';
import { planOf, release, serialPlan, type Work, workStep } from './effects.ts';

const anna = { actor: 'anna' };
const controlOf = ({ redis }: Bench): RunControl => new RunControl(redis.redis, () => new Date());

/** Steps that had an effect, and as which attempt. */
const effectsOf = (bench: Bench): string[] =>
  bench.effects().flatMap((line) => /^effect [^/]+\/(\S+)/.exec(line)?.[1] ?? []);

const rollOf = (work: Readonly<Record<string, Work>>) =>
  planOf(
    ['us'],
    [
      { mode: 'roll', steps: Object.entries(work).map(([id, one]) => workStep(id, 'roll', { restart: true, ...one })) },
      { mode: 'serial', steps: [workStep('after', 'after')] },
    ],
  );

describe('cancel', () => {
  test('of a run that waits ends it, and the next one goes', async () => {
    const bench = await makeBench();
    const first = await bench.fileRun(serialPlan(['us'], 1));
    const second = await bench.fileRun(serialPlan(['us'], 1));
    const third = await bench.fileRun(serialPlan(['us'], 1));
    await bench.store.admit();
    await controlOf(bench).cancel(second, { ...anna, reason: 'not today' });
    const run = await bench.store.view(second);
    expect(run).toMatchObject({ status: 'cancelled', waitingFor: null });
    expect(run.error).toMatchObject({ code: 'run-stopped', message: 'cancelled by anna: not today' });
    await bench.engine();
    expect((await bench.ended(third)).status).toBe('succeeded');
    expect(bench.effects().filter((line) => line.includes(second))).toEqual([]);
    expect((await bench.store.view(first)).status).toBe('succeeded');
  });

  test('of a run that is driven brings to its end what was begun, puts back what was paused, and begins nothing more', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const steps = [
      ['slow', { ms: 600, restore: 'paused' }],
      ['slower', { ms: 900 }],
    ] as const;
    const plan = planOf(
      ['us'],
      [
        { mode: 'parallel', steps: steps.map(([id, work]) => workStep(id, 'first', work)) },
        { mode: 'serial', steps: [workStep('never', 'second')] },
      ],
    );
    const { runId } = await engine.start(plan, anna);
    await until(async () => (await engine.get(runId)).steps[1]?.status === 'running');
    await engine.cancel(runId, anna);
    const run = await bench.ended(runId);
    expect(run.status).toBe('cancelled');
    expect(run.steps.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'pending']);
    expect(bench.effects().at(-1)).toBe('restored paused');
    await until(async () => Object.keys(await bench.redis.redis.hgetall('remora:locks')).length === 0);
  });

  test('reaches a step that waits at a gate, which is then as if it had not been begun', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const { runId } = await engine.start(serialPlan(['us'], 2, { gate: true }), anna);
    await until(async () => (await engine.get(runId)).steps[0]?.phase);
    await engine.cancel(runId, anna);
    const run = await bench.ended(runId);
    expect(run.status).toBe('cancelled');
    expect(run.steps.map(({ status }) => status)).toEqual(['pending', 'pending']);
    expect(bench.effects()).toEqual([]);
  });

  test('is kept through the death of the driver', async () => {
    const bench = await makeBench();
    const coordinator = await bench.coordinator();
    const runId = await bench.fileRun(serialPlan(['us'], 3, { ms: 2000 }));
    await until(async () => (await bench.store.view(runId)).steps[0]?.status === 'running');
    await controlOf(bench).cancel(runId, anna);
    coordinator.signal('SIGKILL');
    await bench.coordinator();
    const run = await bench.ended(runId);
    expect(run.status).toBe('cancelled');
    expect(run.steps.map(({ status }) => status)).toEqual(['succeeded', 'pending', 'pending']);
    expect(effectsOf(bench)).toEqual(['s0/1']);
  });

  test('of a run that has ended is refused', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const { runId } = await engine.start(serialPlan(['us'], 1), anna);
    await bench.ended(runId);
    await expect(engine.cancel(runId, anna)).rejects.toMatchObject({ code: 'conflict' });
    await expect(engine.cancel('run-nobody', anna)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('resume', () => {
  test('goes on from the first step that is not done, the failed one as a new attempt', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const steps = [
      workStep('one', 'w'),
      workStep('two', 'w', { fail: 'step-undone', failures: 1 }),
      workStep('three', 'w'),
    ];
    const options = { acceptOutage: true, notAfter: '2100-01-01T00:00:00Z', reason: 'because' };
    const { runId } = await engine.start(planOf(['us'], [{ mode: 'serial', steps }]), { ...anna, options });
    expect((await bench.ended(runId)).status).toBe('failed');
    const resumed = await engine.resume(runId, { actor: 'ben' });
    expect(resumed).toMatchObject({
      error: null,
      finishedAt: null,
      options: { acceptOutage: true, reason: 'because' },
    });
    expect(resumed.options.notAfter).toBeUndefined();
    const run = await bench.ended(runId);
    expect(run.status).toBe('succeeded');
    expect(run.steps.map(({ attempts }) => attempts)).toEqual([1, 2, 1]);
    expect(effectsOf(bench)).toEqual(['one/1', 'two/1', 'two/2', 'three/1']);
    expect((await engine.events(runId, 0)).map(({ message }) => message)).toContain('resumed by ben');
    await expect(engine.resume(runId, anna)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('of a run that still holds its clusters, since something is left to put back, goes before those that wait for it', async () => {
    const bench = await makeBench();
    let isAway = true;
    const restorers = {
      away: async () => {
        if (isAway) throw new Error('the cluster does not answer');
      },
    };
    const engine = await bench.engine({ restorers });
    const failing = { fail: 'step-failed', failures: 1, restore: 'away' } as const;
    const { runId } = await engine.start(serialPlan(['us'], 1, failing), anna);
    await bench.ended(runId);
    const other = await engine.start(serialPlan(['us'], 1), anna);
    expect(await until(async () => (await engine.get(other.runId)).waitingFor)).toBe(runId);
    await engine.resume(runId, anna);
    isAway = false;
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expect((await bench.ended(other.runId)).status).toBe('succeeded');
  });

  test('is refused when another run has had one of its clusters since', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const { runId } = await engine.start(serialPlan(['us', 'eu'], 1, { fail: 'step-failed', failures: 1 }), anna);
    await bench.ended(runId);
    const other = await engine.start(serialPlan(['eu'], 1), anna);
    await bench.ended(other.runId);
    await expect(engine.resume(runId, anna)).rejects.toMatchObject({
      code: 'plan-stale',
      message: `Run ${runId} cannot be resumed: run ${other.runId} changed the same cluster since.`,
    });
    expect((await engine.get(runId)).status).toBe('failed');
  });

  test('of a run that had begun nothing plans again', async () => {
    const bench = await makeBench();
    const checked: string[] = [];
    const engine = await bench.engine({ recheck: async ({ planId }) => void checked.push(planId) });
    const plan = serialPlan(['us'], 1, { gate: true });
    const { runId } = await engine.start(plan, anna);
    await until(async () => (await engine.get(runId)).steps[0]?.phase);
    await engine.cancel(runId, anna);
    await bench.ended(runId);
    expect((await engine.get(runId)).steps[0]?.attempts).toBe(0);
    await engine.resume(runId, anna);
    await until(() => checked.includes(plan.planId));
    await engine.cancel(runId, anna);
    expect((await bench.ended(runId)).status).toBe('cancelled');
  });

  test('sent again is the same request; so is a continue', async () => {
    const bench = await makeBench();
    const control = controlOf(bench);
    const runId = await bench.fileRun(serialPlan(['us'], 1));
    await control.cancel(runId, anna);
    await control.resume(runId, { ...anna, request: 'once' });
    await control.resume(runId, { ...anna, request: 'once' });
    await expect(control.resume(runId, { ...anna, request: 'twice' })).rejects.toMatchObject({ code: 'conflict' });
    await bench.redis.redis.hset(`remora:run:${runId}`, 'status', 'paused');
    await control.continue(runId, { ...anna, request: 'on' });
    await control.continue(runId, { ...anna, request: 'on' });
    await expect(control.continue(runId, { ...anna, request: 'off' })).rejects.toMatchObject({ code: 'conflict' });
    const told = (await bench.store.events(runId, 0)).map(({ message }) => message);
    expect(told.filter((message) => /resumed|continued/.test(message))).toEqual([
      'resumed by anna',
      'continued by anna',
    ]);
  });

  test('of two at once makes one', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const { runId } = await engine.start(serialPlan(['us'], 1, { fail: 'step-failed', failures: 1 }), anna);
    await bench.ended(runId);
    const asked = await Promise.allSettled([1, 2, 3].map(() => controlOf(bench).resume(runId, anna)));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expect(effectsOf(bench)).toEqual(['s0/1', 's0/2']);
  });
});

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
    expect(effectsOf(bench)).toEqual(['n1/1', 'n2/1', 'n3/1', 'after/1']);
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
    expect(effectsOf(bench)).toEqual(['n1/1', 'n1/2']);
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
    expect(effectsOf(bench)).toEqual(begun.map((id) => `${id}/1`));
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
    expect(effectsOf(bench)).toEqual(['n1/1', 'n2/1', 'n3/1']);
  });

  test('begins no node after its time, and can be resumed in the next window', async () => {
    const bench = await makeBench();
    let now = Date.parse('2030-01-01T00:00:00Z');
    const engine = await bench.engine({
      clock: () => new Date(now),
      nextInRoll: async ([first]) => {
        now += 3_600_000;
        return first;
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
