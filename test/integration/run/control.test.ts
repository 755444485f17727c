import { describe, expect, test } from 'vitest';
import { AuditLog } from '../../../coordinator/src/audit/audit-log.ts';
import { RunControl } from '../../../coordinator/src/store/runs/run-control.ts';
import { type Bench, makeBench, until } from './bench.ts';
import { effectsOf, planOf, release, serialPlan, workStep } from './effects.ts';

const anna = { actor: 'anna' };
const controlOf = ({ redis }: Bench): RunControl => new RunControl(redis.redis, () => new Date());

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
    expect(effectsOf(bench.effects())).toEqual(['s0/1']);
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
    expect(effectsOf(bench.effects())).toEqual(['one/1', 'two/1', 'two/2', 'three/1']);
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

  test('ends as stale behind a run that changed one of its clusters meanwhile, and holds nothing', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const holder = await engine.start(serialPlan(['asia'], 1, { held: 'listening' }), anna);
    const { runId } = await engine.start(serialPlan(['us', 'eu'], 1, { fail: 'step-failed', failures: 1 }), anna);
    await bench.ended(runId);
    const between = await engine.start(serialPlan(['eu', 'asia'], 1), anna);
    expect(between.waitingFor).toBe(holder.runId);
    expect(await engine.resume(runId, { actor: 'ben' })).toMatchObject({
      status: 'waiting',
      waitingFor: between.runId,
    });
    release(bench.file);
    await bench.ended(between.runId);
    expect(await bench.ended(runId)).toMatchObject({
      ...{ status: 'failed', waitingFor: null },
      error: {
        ...{ code: 'plan-stale', hint: 'Give the same command again: it plans with what is there now.' },
        message: `Run ${runId} cannot go on: run ${between.runId} changed the same cluster since.`,
      },
    });
    expect(effectsOf(bench.effects().filter((line) => line.includes(runId)))).toEqual(['s0/1']);
    await until(async () => Object.keys(await bench.redis.redis.hgetall('remora:locks')).length === 0);
    expect(await bench.redis.redis.hgetall('remora:last-holders')).toMatchObject({ us: runId, eu: between.runId });
    const ends = (await new AuditLog(bench.redis.redis).list({ limit: 20 })).filter((one) => one.runId === runId);
    expect(ends[0]).toMatchObject({ action: 'run.end', outcome: 'failed', detail: 'plan-stale', target: 'us, eu' });
    await expect(engine.resume(runId, anna)).rejects.toMatchObject({ code: 'plan-stale' });
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
    // Its only step had begun: what it left would make another plan.
    const engine = await bench.engine({ recheck: () => Promise.reject(new Error('it was planned again')) });
    const { runId } = await engine.start(serialPlan(['us'], 1, { fail: 'step-failed', failures: 1 }), anna);
    await bench.ended(runId);
    const asked = await Promise.allSettled([1, 2, 3].map(() => controlOf(bench).resume(runId, anna)));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expect(effectsOf(bench.effects())).toEqual(['s0/1', 's0/2']);
  });
});
