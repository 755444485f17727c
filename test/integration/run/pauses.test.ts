import { RemoraError } from '@remora/shared/errors.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { describe, expect, test } from 'vitest';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import type { RunEngine } from '../../../coordinator/src/run/engine.ts';
import type { Executor } from '../../../coordinator/src/run/executor.ts';
import { refuseUnpausable, restorePauses, withPauses } from '../../../coordinator/src/run/steps/node/pauses.ts';
import { type DoctorParts, doctor } from '../../../coordinator/src/services/doctor/doctor.ts';
import { openInventory } from '../../../coordinator/src/store/inventory.ts';
import { startPausableCluster } from '../../support/pausable-cluster.ts';
import { clientsOf } from '../../support/wire-cluster.ts';
import { type Bench, makeBench, until } from './bench.ts';
import { fileExecutors, planOf } from './effects.ts';

const both = { pause: ['slm', 'ml'] } as const satisfies { pause: ChangeOptions['pause'] };

const nodeStep = (cluster: string, node: string, restarts = true): AnyStep => ({
  ...{ id: `change-${cluster}.${node}`, kind: 'node.change', target: node, effect: 'restart', reason: 'r', diff: '' },
  stage: `roll-${cluster}`,
  input: {
    ...{ cluster, node, baseline: { health: 'green', nodes: 1 }, outageStated: { master: false, data: [] } },
    operations: restarts ? [{ name: 'service', input: { action: 'restart', startTimeoutMs: 1000 } }] : [],
  },
});

const rollsOf = (...steps: readonly AnyStep[]): StoredPlan =>
  planOf(
    ['us', 'eu'],
    [...Map.groupBy(steps, ({ stage }) => stage).values()].map((each) => ({ mode: 'roll', steps: each })),
  );

/** Two clusters, and coordinators for which a restart only notes what was paused at that moment; `hold` keeps a node from being done. */
const world = async () => {
  const [us, eu] = await Promise.all([startPausableCluster(), startPausableCluster()]);
  const clients = clientsOf({ us, eu });
  const bench = await makeBench();
  const seen: string[] = [];
  const hold = { node: '', fail: '' };
  const state = (): string =>
    [us, eu].map(({ slm, upgradeMode }) => (slm === 'STOPPED' ? 's' : '-') + (upgradeMode ? 'm' : '-')).join(' ');
  const restart: Executor<'node.change'> = async (context, { node }) => {
    seen.push(`${node} ${state()}`);
    while (hold.node === node) {
      await context.haltIfCancelled();
      await context.sleep(20);
    }
    if (hold.fail === node) throw new RemoraError('step-failed', `${node} was told to fail`);
    await context.restarted(node);
    return null;
  };
  const engine = (): Promise<RunEngine> =>
    bench.engine({
      executors: { ...fileExecutors(bench.file), 'node.change': withPauses({ clients }, restart) },
      restorers: restorePauses(clients),
    });
  return { us, eu, clients, bench, seen, hold, state, engine };
};

/** Carries a plan out to where nothing more happens by itself. */
const carryOut = async (bench: Bench, engine: RunEngine, plan: StoredPlan, options: ChangeOptions): Promise<Run> => {
  const { runId } = await engine.start(plan, { actor: 'anna', options });
  return bench.ended(runId);
};

describe('SLM and ML', () => {
  test('are paused on each cluster while its nodes restart, and go on before the next cluster rolls', async () => {
    const { bench, engine, seen, state } = await world();
    const plan = rollsOf(nodeStep('us', 'us-1'), nodeStep('us', 'us-2'), nodeStep('eu', 'eu-1'));
    expect(await carryOut(bench, await engine(), plan, both)).toMatchObject({ status: 'succeeded' });
    expect(seen).toEqual(['us-1 sm --', 'us-2 sm --', 'eu-1 -- sm']);
    expect(state()).toBe('-- --');
  });

  test('are left alone where they are not named, and where no node restarts', async () => {
    const { bench, engine, us, seen } = await world();
    const driver = await engine();
    await carryOut(bench, driver, rollsOf(nodeStep('us', 'us-1')), {});
    await carryOut(bench, driver, rollsOf(nodeStep('us', 'us-1', false)), both);
    await carryOut(bench, driver, rollsOf(nodeStep('us', 'us-1')), { pause: ['ml'] });
    expect(seen).toEqual(['us-1 -- --', 'us-1 -- --', 'us-1 -m --']);
    expect(us.calls).toEqual(['POST /_ml/set_upgrade_modetrue', 'POST /_ml/set_upgrade_modefalse']);
  });

  test('that somebody had paused before stay paused', async () => {
    const { bench, engine, us, seen } = await world();
    us.slm = 'STOPPED';
    await carryOut(bench, await engine(), rollsOf(nodeStep('us', 'us-1')), both);
    expect(seen).toEqual(['us-1 sm --']);
    expect([us.slm, us.upgradeMode]).toEqual(['STOPPED', false]);
    expect(us.calls).not.toContain('POST /_slm/stop');
  });

  test('go on when a node failed, and when the run was cancelled', async () => {
    const { bench, engine, hold, state } = await world();
    const driver = await engine();
    const plan = rollsOf(nodeStep('us', 'us-1'), nodeStep('us', 'us-2'));
    hold.fail = 'us-1';
    expect(await carryOut(bench, driver, plan, both)).toMatchObject({ status: 'failed' });
    expect(state()).toBe('-- --');

    Object.assign(hold, { fail: '', node: 'us-1' });
    const { runId } = await driver.start(plan, { actor: 'anna', options: both });
    await until(() => state() === 'sm --');
    await driver.cancel(runId, { actor: 'anna' });
    expect(await bench.ended(runId)).toMatchObject({ status: 'cancelled' });
    expect(state()).toBe('-- --');
  });

  test('go on while a run waits after its first node, and are paused again for the others', async () => {
    const { bench, engine, seen, state } = await world();
    const driver = await engine();
    const plan = rollsOf(nodeStep('us', 'us-1'), nodeStep('us', 'us-2'));
    const run = await carryOut(bench, driver, plan, { ...both, canary: true });
    expect([run.status, state()]).toEqual(['paused', '-- --']);
    await driver.continue(run.runId, { actor: 'anna' });
    expect(await until(async () => (await driver.get(run.runId)).status === 'succeeded')).toBe(true);
    expect(seen).toEqual(['us-1 sm --', 'us-2 sm --']);
    expect(state()).toBe('-- --');
  });

  test('are put back by the next driver, when the one that paused them is gone', async () => {
    const { bench, engine, hold, state, us } = await world();
    hold.node = 'us-1';
    const first = await engine();
    const { runId } = await first.start(rollsOf(nodeStep('us', 'us-1')), { actor: 'anna', options: both });
    await until(() => state() === 'sm --');
    await first.close();
    expect(state()).toBe('sm --');
    hold.node = '';
    await engine();
    expect(await bench.ended(runId)).toMatchObject({ status: 'succeeded' });
    expect(state()).toBe('-- --');
    expect(us.calls.filter((call) => call === 'POST /_slm/stop')).toHaveLength(1);
  });

  test('that cannot go on after their roll are told of, hold up nothing that follows, and keep the clusters locked until they can', async () => {
    const { bench, engine, us, seen, hold, state } = await world();
    us.mayNotResume = true;
    const driver = await engine();
    const plan = rollsOf(nodeStep('us', 'us-1'), nodeStep('eu', 'eu-1'));
    hold.node = 'eu-1';
    const { runId } = await driver.start(plan, { actor: 'anna', options: both });
    await until(() => seen.length === 2);
    expect(await driver.get(runId)).toMatchObject({ status: 'running', leftToPutBack: ['slm:us'] });
    hold.node = '';
    await bench.ended(runId);
    expect(seen).toEqual(['us-1 sm --', 'eu-1 s- sm']);
    expect(await driver.get(runId)).toMatchObject({ status: 'succeeded', leftToPutBack: ['slm:us'] });
    const told = async (): Promise<string[]> =>
      (await driver.events(runId, 0)).flatMap(({ message, status }) =>
        message.startsWith('slm:us could not be put back') ? [`${status}: ${message}`] : [],
      );
    await until(async () => (await told()).length === 2);
    const why = /Letting snapshot lifecycle management go on on cluster us: 403: action is unauthorized\./;
    expect(await told()).toEqual([
      expect.stringMatching(/^running: .* The run goes on; it is tried again at its end/),
      expect.stringMatching(
        /^succeeded: .* It is tried again until it succeeds, and the clusters stay locked until then$/,
      ),
    ]);
    for (const one of await told()) expect(one).toMatch(why);
    expect(Object.keys(await bench.redis.redis.hgetall('remora:locks')).sort()).toEqual(['eu', 'us']);
    // It looks at no cluster where none is on record.
    const parts = {
      inventory: openInventory(bench.redis.redis),
      runs: bench.store,
      refused: async () => [],
      turnedAway: async () => [],
      certificateWatch: { lookWithin: async () => null },
      clock: () => new Date(),
    };
    const health = {
      pingStore: async () => 1,
      freeBytes: async () => 1e9,
      durability: async () => ({ problems: [], unknown: null }),
      fleet: async () => ({ rotation: null, behind: [] }),
      identity: () => ({ caEnds: '2090-01-01', server: { notBefore: '2020-01-01', notAfter: '2090-01-01' } }),
    };
    const doctorSays = async () => doctor({ ...parts, ...health } as unknown as DoctorParts);
    const line = {
      check: 'runs',
      ok: false,
      detail: expect.stringContaining(`${runId} could not put back slm:us`),
    };
    expect(await doctorSays()).toContainEqual(line);
    us.mayNotResume = false;
    await until(async () => Object.keys(await bench.redis.redis.hgetall('remora:locks')).length === 0);
    expect(await doctorSays()).toContainEqual({ check: 'runs', ok: true, detail: 'nothing is left to put back' });
    expect([state(), (await driver.get(runId)).leftToPutBack]).toEqual(['-- --', undefined]);
  });

  test('that cannot go on before a run pauses are told of, and the run can be cancelled meanwhile', async () => {
    const { bench, engine, us, state } = await world();
    us.mayNotResume = true;
    const driver = await engine();
    const plan = rollsOf(nodeStep('us', 'us-1'), nodeStep('us', 'us-2'));
    const { runId } = await driver.start(plan, { actor: 'anna', options: { ...both, canary: true } });
    await until(async () => (await driver.get(runId)).leftToPutBack !== undefined);
    expect(await driver.get(runId)).toMatchObject({ status: 'running', leftToPutBack: ['slm:us'] });
    await driver.cancel(runId, { actor: 'anna' });
    expect(await bench.ended(runId)).toMatchObject({ status: 'cancelled', leftToPutBack: ['slm:us'] });
    us.mayNotResume = false;
    await until(async () => Object.keys(await bench.redis.redis.hgetall('remora:locks')).length === 0);
    expect([state(), (await driver.get(runId)).leftToPutBack]).toEqual(['-- --', undefined]);
  });

  test('are asked for again when the master is busy', async () => {
    const { bench, engine, us, seen } = await world();
    us.busyFor = 1;
    await carryOut(bench, await engine(), rollsOf(nodeStep('us', 'us-1')), { pause: ['slm'] });
    expect(seen).toEqual(['us-1 s- --']);
    expect(us.calls).toEqual(['POST /_slm/stop', 'POST /_slm/stop', 'POST /_slm/start']);
  });

  test('are refused before anything changes where a cluster lacks them, or the user a privilege', async () => {
    const { clients, us, eu } = await world();
    await refuseUnpausable(clients, ['us', 'eu'], ['slm', 'ml']);
    eu.without = '_ml';
    await expect(refuseUnpausable(clients, ['us', 'eu'], ['slm', 'ml'])).rejects.toMatchObject({
      code: 'preflight-failed',
      message: expect.stringMatching(/machine learning for --pause ml on cluster eu: 400: no handler found/),
      hint: 'Leave out --pause ml where Elasticsearch has no machine learning.',
    });
    us.forbidden = true;
    await expect(refuseUnpausable(clients, ['us'], ['slm'])).rejects.toMatchObject({
      hint: 'Give the user of cluster us the cluster privilege manage_slm.',
    });
    expect([us.calls, eu.calls]).toEqual([[], []]);
  });
});
