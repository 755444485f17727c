import { RemoraError } from '@remora/shared/errors.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { expect, test } from 'vitest';
import { AuditLog } from '../../../coordinator/src/audit/audit-log.ts';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import { carryOut } from '../../../coordinator/src/services/runs/carry-out.ts';
import { openInventory } from '../../../coordinator/src/store/inventory.ts';
import { forgetDebt } from '../../../coordinator/src/store/runs/run-debts.ts';
import { clientsOf } from '../../support/wire-cluster.ts';
import { type Bench, makeBench, until } from './bench.ts';
import { effectsOf, planOf, release, serialPlan, workStep } from './effects.ts';

/** A stage of nodes, whose agents `online` lists, that effects of `workStep` stand for; the step after it needs all of them. */
const stageOf = (mode: 'roll' | 'parallel', nodes: readonly string[]) =>
  planOf(
    ['us'],
    [
      {
        mode,
        steps: nodes.map(
          (node): AnyStep => ({
            ...workStep(node, 'roll'),
            ...{ kind: 'node.change', target: node },
            input: {
              ...{ cluster: 'us', node, operations: [], baseline: { health: 'green', nodes: nodes.length } },
              outageStated: { master: false, data: [] },
            },
          }),
        ),
      },
      { mode: 'serial', steps: [workStep('after', 'after')] },
    ],
  );

const rollOn = (nodes: readonly string[]) => stageOf('roll', nodes);

/** Starts a coordinator that sees these agents, and writes down which nodes it changed; those of `failing` could not be. */
const start = async (
  bench: Bench,
  online: Set<string>,
  now = () => new Date(),
  failing = new Set<string>(),
  recheck: () => Promise<unknown> = async () => undefined,
) => {
  const changed: string[] = [];
  const engine = await bench.engine({
    ...{ clock: now, recheck },
    isOnline: async ({ node }) => online.has(node),
    agents: {
      change: async ({ node }, { id }) => {
        changed.push(node);
        if (failing.has(node)) throw new RemoraError('step-failed', `${node} was told to fail`);
        return { type: 'result', id, outcome: 'done', results: [], error: null };
      },
    },
  });
  return { engine, changed };
};

const anna = { actor: 'anna' };
const debtsOf = ({ redis }: Bench) => openInventory(redis.redis).debts.list();

test.each(['roll', 'parallel'] as const)(
  'nodes of a %s stage that are away come last, and with --wait-offline the run ends without them, holds nothing, and goes on when they are back',
  async (mode) => {
    const bench = await makeBench();
    const online = new Set(['n2', 'n3']);
    const { engine, changed } = await start(bench, online);
    const { runId } = await engine.start(stageOf(mode, ['n1', 'n2', 'n3']), {
      ...anna,
      options: { waitOffline: '1h', onFailure: 'rollback' },
    });
    const left = await bench.ended(runId);
    expect(left).toMatchObject({ status: 'failed', error: { code: 'agent-offline' } });
    expect(left.error?.message).toBe('n1 is left, since its agent is offline.');
    expect(left.steps.map(({ status }) => status)).toEqual(['pending', 'succeeded', 'succeeded', 'pending']);
    expect([...changed].sort()).toEqual(['n2', 'n3']);
    await until(async () => Object.keys(await bench.redis.redis.hgetall('remora:locks')).length === 0);
    expect(await debtsOf(bench)).toMatchObject([{ runId, nodes: [{ cluster: 'us', node: 'n1' }] }]);

    online.add('n1');
    await until(async () => (await engine.get(runId)).status === 'succeeded');
    expect(changed.at(-1)).toBe('n1');
    expect(effectsOf(bench.effects())).toEqual(['after/1']);
    expect(await debtsOf(bench)).toEqual([]);
    const said = (await engine.events(runId, 0)).map(({ message }) => message);
    expect(said).toContain('resumed by wait-offline');
  },
);

test('a connection that is taken apart waits for an agent with a key that is still valid, and says so', async () => {
  const bench = await makeBench();
  const { engine } = await start(bench, new Set(['n2']));
  const { stages, steps, ...plan } = stageOf('parallel', ['n1', 'n2']);
  const invalidate = {
    ...{ id: 'key', kind: 'api-key.invalidate', target: 'us', effect: 'api', reason: '', diff: '', stage: 'after' },
    input: { cluster: 'us', id: 'k1', secret: 'secret:k@1', locals: ['us'] },
  } satisfies AnyStep;
  const options = { waitOffline: '1h' };
  const wanted = { local: 'eu', alias: 'us' };
  const { runId } = await engine.start(
    { ...plan, stages, steps: [...steps.slice(0, 2), invalidate], workflow: 'disconnect', wanted },
    { ...anna, options },
  );
  const { error } = await bench.ended(runId);
  expect(error?.message).toBe('n1 is left, since its agent is offline. The API key of eu/us is still valid.');
  expect(error?.hint).toMatch(
    /agent is back by .* invalidates the key: `remora disconnect eu us --wait-offline TIME`\.$/,
  );
});

test('a plan for nodes that are all away waits for them at once and looks at no gate, and is not made again: each node is looked at; without --wait-offline it is refused', async () => {
  const bench = await makeBench();
  const online = new Set<string>();
  const stale = () => Promise.reject(new RemoraError('plan-stale', 'one of them was restarted'));
  const { engine, changed } = await start(bench, online, undefined, undefined, stale);
  const seen = rollOn(['n1', 'n2']);
  const away = seen.steps.map((step) =>
    step.kind === 'node.change' ? { ...step, input: { ...step.input, unseen: { pid: 1, startedAtMs: 1 } } } : step,
  );
  const parts = {
    ...engine,
    clients: clientsOf({}),
    isOnline: async () => false,
    clock: () => new Date(),
    secretValue: async () => '',
  };
  const ask = (change: ChangeOptions) =>
    carryOut(parts, { ...anna, idempotencyKey: null, planHash: null, change }, async () => ({ ...seen, steps: away }));
  await expect(ask({})).rejects.toMatchObject({
    code: 'agent-offline',
    message: 'The plan was made with --wait-offline, and the agents of n1, n2 are still offline.',
  });
  expect(await engine.list({ limit: 5 })).toEqual([]);
  const { runId } = await ask({ waitOffline: '1h' });
  expect((await bench.ended(runId)).error?.message).toBe('n1, n2 are left, since their agents are offline.');
  expect((await debtsOf(bench))[0]?.nodes.map(({ node }) => node)).toEqual(['n1', 'n2']);
  online.add('n1').add('n2');
  await until(async () => (await engine.get(runId)).status === 'succeeded');
  expect(changed).toEqual(['n1', 'n2']);
});

test('a run that has begun nothing is planned again when an agent is back, also while that cannot be done yet', async () => {
  const bench = await makeBench();
  const online = new Set<string>();
  const troubles = [new RemoraError('preflight-failed', 'n1 is not in the cluster.')];
  const recheck = async () => {
    const trouble = troubles.pop();
    if (trouble) throw trouble;
  };
  const { engine, changed } = await start(bench, online, undefined, undefined, recheck);
  const { runId } = await engine.start(rollOn(['n1', 'n2']), { ...anna, options: { waitOffline: '1h' } });
  await bench.ended(runId);
  online.add('n1').add('n2');
  await until(async () => (await engine.get(runId)).status === 'succeeded');
  expect([changed, troubles]).toEqual([['n1', 'n2'], []]);
  const said = (await engine.events(runId, 0)).map(({ message }) => message);
  expect(said).toContain('cannot begin: n1 is not in the cluster. It is tried again for 15m 00s');
});

test('a node that is back after its time is left, and what came later to the cluster is not overtaken', async () => {
  const bench = await makeBench();
  const online = new Set(['n2']);
  let ahead = 0;
  const { engine, changed } = await start(bench, online, () => new Date(Date.now() + ahead));
  const late = await engine.start(rollOn(['n1', 'n2']), { ...anna, options: { waitOffline: '1h' } });
  await bench.ended(late.runId);
  ahead = 3_600_000;
  await until(async () => (await debtsOf(bench)).length === 0);
  const { stages, steps, ...roll } = rollOn(['n1', 'n2']);
  const restart = { ...roll, workflow: 'restart', stages: stages.slice(0, 1), steps: steps.slice(0, 2) };
  const overtaken = await engine.start(restart, { ...anna, options: { waitOffline: '1h' } });
  await bench.ended(overtaken.runId);
  const between = await engine.start(planOf(['us'], [{ mode: 'serial', steps: [workStep('w', 'w')] }]), anna);
  await bench.ended(between.runId);
  online.add('n1');
  await until(async () => (await debtsOf(bench)).length === 0);
  expect((await engine.get(late.runId)).error?.message).toMatch(
    /^n1 is left, and the run goes on by itself no more: the agents were not back by /,
  );
  const stale = await engine.get(overtaken.runId);
  expect(stale).toMatchObject({ status: 'failed', error: { code: 'plan-stale' } });
  expect(stale.error?.hint).toContain('`remora restart us --limit n1`');
  expect((await engine.events(overtaken.runId, 0)).at(-1)?.message).toBe(stale.error?.message);
  expect(changed).toEqual(['n2', 'n2']);
});

test('of two nodes that are away each is done when it is back, and a cancelled run goes on no more', async () => {
  const bench = await makeBench();
  const online = new Set(['n3']);
  const { engine, changed } = await start(bench, online);
  const options = { waitOffline: '1h' };
  const { runId } = await engine.start(rollOn(['n1', 'n2', 'n3']), { ...anna, options });
  await bench.ended(runId);
  online.add('n1');
  await until(
    async () => (await debtsOf(bench))[0]?.nodes.length === 1 && (await engine.get(runId)).status === 'failed',
  );
  expect(changed).toEqual(['n3', 'n1']);
  online.add('n2');
  await until(async () => (await engine.get(runId)).status === 'succeeded');
  expect(changed).toEqual(['n3', 'n1', 'n2']);

  online.delete('n1');
  const second = await engine.start(rollOn(['n1', 'n2']), { ...anna, options });
  await bench.ended(second.runId);
  expect((await engine.cancel(second.runId, anna)).status).toBe('failed');
  expect(await debtsOf(bench)).toEqual([]);
  const [newest] = await new AuditLog(bench.redis.redis).list({ limit: 1 });
  expect(newest).toMatchObject({ action: 'run.cancel', target: 'us', runId: second.runId, planId: second.planId });
  await expect(engine.cancel(second.runId, anna)).rejects.toMatchObject({ code: 'conflict' });
});

test('a run that goes on by itself settles what it owes, and leaves nodes that failed for somebody who looks', async () => {
  const bench = await makeBench();
  const online = new Set(['n2', 'n3']);
  const failing = new Set(['n2']);
  const { engine, changed } = await start(bench, online, undefined, failing);
  const options = { waitOffline: '1h', maxFail: '1' };
  const { runId } = await engine.start(rollOn(['n1', 'n2', 'n3']), { ...anna, options });
  expect((await bench.ended(runId)).error?.code).toBe('agent-offline');
  online.add('n1');
  await until(async () => (await engine.get(runId)).error?.code === 'step-failed');
  const run = await engine.get(runId);
  expect(run.steps.map(({ status, attempts }) => [status, attempts])).toEqual([
    ['succeeded', 1],
    ['failed', 1],
    ['succeeded', 1],
    ['pending', 0],
  ]);
  expect([changed, await debtsOf(bench)]).toEqual([['n2', 'n3', 'n1'], []]);
  failing.clear();
  await engine.resume(runId, anna);
  expect((await bench.ended(runId)).status).toBe('succeeded');
  expect(changed).toEqual(['n2', 'n3', 'n1', 'n2']);
});

test('a run that goes on by itself behind another one ends as stale when that one had its cluster', async () => {
  const bench = await makeBench();
  const online = new Set(['n2']);
  const { engine, changed } = await start(bench, online);
  await engine.start(serialPlan(['eu'], 1, { held: 'listening' }), anna);
  const { runId } = await engine.start(rollOn(['n1', 'n2']), { ...anna, options: { waitOffline: '1h' } });
  await bench.ended(runId);
  const between = await engine.start(serialPlan(['us', 'eu'], 1), anna);
  online.add('n1');
  await until(async () => (await engine.get(runId)).waitingFor === between.runId);
  release(bench.file);
  await until(async () => (await engine.get(runId)).status === 'failed');
  expect((await engine.get(runId)).error?.message).toContain(`run ${between.runId} changed the same cluster since`);
  expect([changed, await debtsOf(bench)]).toEqual([['n2'], []]);
});

test('a run that left nodes begins none of them after its time', async () => {
  const bench = await makeBench();
  const online = new Set(['n2']);
  let ahead = 0;
  const { engine, changed } = await start(bench, online, () => new Date(Date.now() + ahead));
  const options = { waitOffline: '12h', notAfter: new Date(Date.now() + 3_600_000).toISOString() };
  const { runId } = await engine.start(rollOn(['n1', 'n2']), { ...anna, options });
  await bench.ended(runId);
  ahead = 2 * 3_600_000;
  online.add('n1');
  await until(async () => (await debtsOf(bench)).length === 0);
  const { status, error } = await engine.get(runId);
  expect(status).toBe('failed');
  expect(error?.message).toContain(`--not-after ${options.notAfter} is over`);
  expect(changed).toEqual(['n2']);
});

test('a coordinator that slept forgets the debt that it saw, not the one that its run filed since', async () => {
  const { redis, fileRun } = await makeBench();
  const runId = await fileRun(rollOn(['n1', 'n2']), { options: { waitOffline: '1h' } });
  const { debts } = openInventory(redis.redis);
  const [old, newer] = [1, 2].map((fence) => ({ runId, fence, nodes: [], until: '2030-01-31T22:00:00.000Z' }));
  if (!old || !newer) throw new Error('there are two');
  await debts.put(runId, newer);
  const forget = forgetDebt(redis.redis, () => new Date());
  await forget(old, 'wait-offline', null);
  expect(await debts.get(runId)).toEqual(newer);
  await forget(newer, 'wait-offline', null);
  expect(await debts.get(runId)).toBeNull();
});
