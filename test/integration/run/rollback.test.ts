import { RemoraError } from '@remora/shared/errors.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { AuditLog } from '../../../coordinator/src/audit/audit-log.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { newHead, type RunEngine } from '../../../coordinator/src/run/engine.ts';
import type { RestoreContext } from '../../../coordinator/src/run/executor.ts';
import { ROLLBACK, type Wanted } from '../../../coordinator/src/run/stage/on-failure.ts';
import { type Bench, makeBench, until } from './bench.ts';
import { fileRestorers, planOf, serialPlan, type Work, workStep } from './effects.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});

const failing = (clusters: readonly string[], fail: Work['fail'] = 'step-failed'): StoredPlan =>
  planOf(clusters, [{ mode: 'serial', steps: [workStep('a', 'work'), workStep('b', 'work', { fail })] }]);

const rollbackOf = (run: string, clusters: readonly string[]): StoredPlan => {
  const mark: AnyStep = {
    ...{
      id: 'mark-run',
      kind: 'run.rollback',
      target: 'coordinator',
      effect: 'none',
      reason: 'r',
      diff: '',
      stage: 'work',
    },
    input: { run },
  };
  return planOf(clusters, [{ mode: 'serial', steps: [workStep('back', 'work'), mark] }]);
};

const onFailure: ChangeOptions = { onFailure: 'rollback', acceptOutage: true };

/** What the coordinator's own restorer does, with a plan that needs no clusters; `refusals` times it cannot be made yet. */
const restorer =
  (refusals = 0, calls: string[] = []) =>
  async (value: unknown, { tell }: RestoreContext): Promise<void> => {
    const { run } = value as Wanted;
    const record = await bench.store.record(run);
    if (record.status !== 'failed') throw new Error(`it is ${record.status}`);
    calls.push(run);
    if (calls.length <= refusals) throw new RemoraError('agent-offline', 'the node is away');
    const plan = rollbackOf(run, record.head.clusters);
    const head = newHead(plan, new Date(), { actor: 'tester', options: {} });
    const runId = await bench.store.create(head, plan, `rollback of ${run}`, true);
    await tell(`to be rolled back by ${runId}`, runId);
  };

const engineWith = (restore: ReturnType<typeof restorer>): Promise<RunEngine> =>
  bench.engine({ restorers: { ...fileRestorers(bench.file), [ROLLBACK]: restore } });

const effectsOf = (runId: string): string[] => bench.effects().filter((line) => line.includes(runId));

describe('a run that was taken back', () => {
  test('is marked by the run that did it, with an event and an entry of the audit log, once', async () => {
    const engine = await bench.engine();
    const run = await engine.start(serialPlan(['us'], 1), { actor: 'tester' });
    await bench.ended(run.runId);
    const back = await engine.start(rollbackOf(run.runId, ['us']), { actor: 'somebody' });
    expect(await bench.ended(back.runId)).toMatchObject({ status: 'succeeded' });
    expect(await engine.get(run.runId)).toMatchObject({ status: 'rolled_back', rollback: back.runId });
    expect((await engine.events(run.runId, 0)).at(-1)).toMatchObject({
      ...{ type: 'run', status: 'rolled_back', message: `rolled back by ${back.runId}` },
    });
    const audit = await new AuditLog(bench.redis.redis).list({ limit: 20 });
    expect(audit.filter(({ action }) => action === 'run.rollback')).toMatchObject([
      { runId: run.runId, actor: 'somebody', detail: `rolled back by ${back.runId}` },
    ]);
    expect(await new AuditLog(bench.redis.redis).verify()).toMatchObject({ ok: true });
    await expect(engine.resume(run.runId, { actor: 'tester' })).rejects.toThrow(/it is rolled_back/);
  });

  test('is not marked while it goes on, and not by a driver that lost its run', async () => {
    const engine = await bench.engine();
    const run = await engine.start(
      planOf(['us'], [{ mode: 'serial', steps: [workStep('a', 'work', { gate: true })] }]),
      {
        actor: 'tester',
      },
    );
    await until(async () => (await engine.get(run.runId)).status === 'running');
    const back = await bench.fileRun(rollbackOf(run.runId, ['eu']));
    expect(await bench.ended(back)).toMatchObject({ status: 'failed', error: { code: 'conflict' } });
    const by = { runId: back, fence: 1, actor: 'tester' };
    expect(await bench.store.rolledBack(run.runId, by)).toBe(false);
    await engine.cancel(run.runId, { actor: 'tester' });
    await bench.ended(run.runId);
  });
});

describe('--on-failure rollback', () => {
  test('files the rollback, which gets the clusters before all that wait', async () => {
    const engine = await engineWith(restorer());
    const run = await bench.fileRun(failing(['us', 'eu']), { options: onFailure });
    const waiting = await bench.fileRun(serialPlan(['eu'], 1));
    expect((await bench.ended(waiting)).status).toBe('succeeded');
    const failed = await engine.get(run);
    expect(failed.status).toBe('rolled_back');
    const back = await bench.ended(failed.rollback ?? '');
    expect(back.status).toBe('succeeded');
    const order = bench.effects().map((line) => line.split(/[ /]/)[1]);
    expect(order.indexOf(back.runId)).toBeLessThan(order.indexOf(waiting));
  });

  test('is tried again while it cannot be planned, and the clusters stay locked until then', async () => {
    const calls: string[] = [];
    await engineWith(restorer(1, calls));
    // A step that failed since its agent was away failed all the same: --wait-offline is for nodes that no step was begun of.
    const options = { ...onFailure, waitOffline: '1h' };
    const run = await bench.fileRun(failing(['us'], 'agent-offline'), { options });
    const waiting = await bench.fileRun(serialPlan(['us'], 1));
    await bench.ended(waiting);
    const order = bench.effects().map((line) => line.split(/[ /]/)[1]);
    const { rollback } = await bench.store.view(run);
    expect(order.indexOf(rollback ?? '')).toBeGreaterThan(-1);
    expect(order.indexOf(rollback ?? '')).toBeLessThan(order.indexOf(waiting));
    expect(calls).toEqual([run, run]);
  });

  test('is filed by whoever goes on when the coordinator ended in between', async () => {
    const stuck = await engineWith(() => new Promise<never>(() => undefined));
    const run = await bench.fileRun(failing(['us']), { options: onFailure });
    await until(async () => (await stuck.get(run)).status === 'failed');
    await stuck.close();
    const engine = await engineWith(restorer());
    await until(async () => (await engine.get(run)).status === 'rolled_back');
    expect((await engine.list({ limit: 10 })).length).toBe(2);
  });

  test('does nothing for a run that was cancelled, that began nothing, or that did not ask for it', async () => {
    const calls: string[] = [];
    const engine = await engineWith(restorer(0, calls));
    const plain = await bench.fileRun(failing(['us']), { options: { onFailure: 'stop' } });
    expect((await bench.ended(plain)).status).toBe('failed');
    const gate = planOf(['us'], [{ mode: 'serial', steps: [workStep('a', 'work', { gate: true })] }]);
    const cancelled = await bench.fileRun(gate, { options: onFailure });
    await until(async () => (await engine.get(cancelled)).status === 'running');
    await engine.cancel(cancelled, { actor: 'tester' });
    expect((await bench.ended(cancelled)).status).toBe('cancelled');
    expect(calls).toEqual([]);
    expect(effectsOf(plain)).toHaveLength(2);
  });
});
