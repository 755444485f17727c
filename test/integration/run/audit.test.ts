import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { AuditRecorder } from '../../../coordinator/src/audit/recorder.ts';
import { clock, expectToHold, logOf, noteAll, told } from './audit-bench.ts';
import { makeBench, until } from './bench.ts';
import { fileExecutors, planOf, serialPlan, workStep } from './effects.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('the log tells', () => {
  test('who had a run made, what its steps did, and how it ended', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const steps = [workStep('one', 'w', { restart: true }), workStep('two', 'w', { fail: 'step-undone', failures: 1 })];
    const options = { override: ['disk'], reason: 'because', ticket: 'T-1' };
    const plan = planOf(['us', 'eu'], [{ mode: 'serial', steps }]);
    const { runId } = await engine.start(plan, { actor: 'anna', options });
    await bench.ended(runId);
    await engine.resume(runId, { actor: 'ben' });
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expect(await told(bench)).toEqual([
      'anna run.create us, eu -',
      'anna node.restart one -',
      'anna cluster-settings.put one succeeded',
      'anna cluster-settings.put us undone',
      'anna run.end us, eu failed',
      'ben run.resume us, eu -',
      'anna cluster-settings.put us succeeded',
      'anna run.end us, eu succeeded',
    ]);
    const entries = await logOf(bench).list({ limit: 1000 });
    for (const entry of entries) expect(entry).toMatchObject({ runId, planId: plan.planId });
    expect(entries.at(-1)?.detail).toBe('A run of tests; override disk; reason: because; ticket: T-1');
    expect(entries.filter(({ stepId }) => stepId === 'two').map(({ detail }) => detail)).toEqual([
      'because of two',
      'step-undone: because of two',
    ]);
    await expectToHold(bench, 8);
  });

  test('of cancelling a run that waits, one that runs, and of going on after a pause', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const canary = planOf(
      ['us'],
      [{ mode: 'roll', steps: [workStep('a', 'r', { restart: true }), workStep('b', 'r')] }],
    );
    const { runId } = await engine.start(canary, { actor: 'anna', options: { canary: true } });
    await until(async () => (await engine.get(runId)).status === 'paused');
    const waiting = await engine.start(serialPlan(['us'], 1), { actor: 'anna' });
    await engine.cancel(waiting.runId, { actor: 'ben', reason: 'not today' });
    await engine.continue(runId, { actor: 'carl' });
    await bench.ended(runId);
    const driven = await engine.start(serialPlan(['us'], 2, { gate: true }), { actor: 'anna' });
    await until(async () => (await engine.get(driven.runId)).steps[0]?.phase);
    await engine.cancel(driven.runId, { actor: 'dora' });
    await bench.ended(driven.runId);
    expect((await told(bench)).filter((line) => !line.includes('settings'))).toEqual([
      'anna run.create us -',
      'anna node.restart a -',
      'anna run.create us -',
      'ben run.cancel us -',
      'ben run.end us cancelled',
      'carl run.continue us -',
      'anna run.end us succeeded',
      'anna run.create us -',
      'dora run.cancel us -',
      'anna run.end us cancelled',
    ]);
    await expectToHold(bench);
  });

  test('of a gate that was overridden, once for all that go on with the step', async () => {
    const bench = await makeBench();
    const text = 'gate overridden (because): disk: us-1 is full';
    const engine = await bench.engine({
      executors: {
        ...fileExecutors(bench.file),
        'cluster-settings.put': async (context) => {
          await context.phase(text, 'gate.override');
          await context.phase(text, 'gate.override');
          await context.phase('restarting');
        },
      },
    });
    const { runId } = await engine.start(serialPlan(['us'], 1), { actor: 'anna' });
    await bench.ended(runId);
    const entries = await logOf(bench).list({ limit: 10 });
    const overrides = entries.filter(({ action }) => action === 'gate.override');
    expect(overrides).toMatchObject([{ actor: 'anna', target: 'us', stepId: 's0', detail: text }]);
  });

  test('of each restart of a node, of a second attempt too, and once of one', async () => {
    const bench = await makeBench();
    const engine = await bench.engine();
    const steps = [workStep('one', 'w', { restart: true, fail: 'step-failed', failures: 1 })];
    const { runId } = await engine.start(planOf(['us'], [{ mode: 'serial', steps }]), { actor: 'anna' });
    await bench.ended(runId);
    await engine.resume(runId, { actor: 'anna' });
    const run = await bench.ended(runId);
    expect(run.restarts).toEqual(['one']);
    expect((await told(bench)).filter((line) => line.includes('node.restart'))).toHaveLength(2);
  });
});

describe('the chain holds', () => {
  test('under writers at once, none of whom is left out', async () => {
    const bench = await makeBench();
    const writers = Array.from({ length: 8 }, () => new Redis({ path: bench.redis.path }));
    cleanups.push(async () => {
      for (const redis of writers) redis.disconnect();
    });
    const name = (writer: number, i: number): string => `${writer}/${i}`;
    await Promise.all(
      writers.flatMap((redis, writer) => {
        const recorder = new AuditRecorder(clock);
        return Array.from({ length: 40 }, (_, i) => noteAll(redis, recorder, [name(writer, i)]));
      }),
    );
    const targets = (await logOf(bench).list({ limit: 1000 })).map(({ target }) => target);
    expect(targets.sort()).toEqual(
      writers.flatMap((_, writer) => Array.from({ length: 40 }, (_, i) => name(writer, i))).sort(),
    );
    await expectToHold(bench, 320);
  });

  test('through kills of coordinators and Redis: every step is told once', async () => {
    const bench = await makeBench();
    const living = [await bench.coordinator(), await bench.coordinator()];
    const runs: string[] = [];
    for (const cluster of ['a', 'b', 'c', 'd']) runs.push(await bench.fileRun(serialPlan([cluster], 6, { ms: 300 })));
    for (let round = 1; round <= 3; round += 1) {
      await until(() => bench.effects().length >= round * 4);
      living.shift()?.signal('SIGKILL');
      if (round === 2) {
        await bench.redis.kill();
        await bench.redis.start();
      }
      living.push(await bench.coordinator());
    }
    for (const runId of runs) expect((await bench.ended(runId)).status).toBe('succeeded');
    const entries = await logOf(bench).list({ limit: 1000 });
    for (const runId of runs) {
      const own = entries.filter((entry) => entry.runId === runId).reverse();
      const steps = Array.from({ length: 6 }, (_, i) => `cluster-settings.put s${i}`);
      expect(own.map(({ action, stepId }) => `${action} ${stepId}`)).toEqual([
        'run.create null',
        ...steps,
        'run.end null',
      ]);
    }
    await expectToHold(bench, 32);
  });
});
