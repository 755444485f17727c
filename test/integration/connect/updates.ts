import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect } from 'vitest';
import { sharedPair } from '../../elasticsearch/shared-pair.ts';
import type { RotationBed } from './rotations.ts';
import { standing } from './standing.ts';
import { restarts } from './traces.ts';

/** A connection that was made by the command `connect` with the run `connected`. */
interface Connected extends Pick<RotationBed, 'fleet' | 'us' | 'eu' | 'made' | 'checked'> {
  readonly connect: readonly string[];
  readonly connected: Run;
}

/** Other values for it, and its own again by a rollback. */
export const valuesAreUpdated = async ({
  fleet,
  us,
  eu,
  made,
  checked,
  connect,
  connected,
}: Connected): Promise<void> => {
  const without = await standing(us, eu);
  const update = [...connect, '--search', 'metrics-*', '--skip-unavailable', 'false'];
  const plan = await checked(update);
  expect(plan.restarts).toEqual([]);
  expect(plan.steps.map(({ kind }) => kind)).toEqual([
    'connection.record',
    'api-key.update',
    'cluster-settings.put',
    'connection.prove',
  ]);
  const diff = plan.steps.map((step) => step.diff).join('\n');
  expect(diff).toContain('metrics-*');
  expect(diff).toContain('+ cluster.remote.us.skip_unavailable: false');

  expect(await fleet.json<Plan[]>(['plans', 'list'])).toContainEqual(plan);
  const run = await fleet.json<Run>(['apply', plan.planId, '--reason', 'metrics too', '--ticket', 'OPS-7', '--yes']);
  expect(run).toMatchObject({ status: 'succeeded', restarts: [], planId: plan.planId });
  expect(run.options).toEqual({ reason: 'metrics too', ticket: 'OPS-7' });
  const again = await fleet.cli(['apply', plan.planId, '--yes', '--json']);
  expect(again.code).toBe(64);
  expect(again.stdout).toContain('"plan-stale"');
  expect(again.stdout).toContain('cluster-settings.put: is not needed any more');
  await us.call('PUT', '/metrics-1/_doc/1?refresh=true', { value: 1 });
  expect(await eu.call('GET', '/us:metrics-*/_search')).toMatchObject({ hits: { total: { value: 1 } } });
  const info = await eu.call('GET', '/_remote/info');
  expect(info).toMatchObject({ us: { connected: true, skip_unavailable: false } });
  expect((await fleet.cli([...update, '--check'])).code).toBe(0);
  expect((await fleet.cli([...connect, '--check'])).code).toBe(2);

  const refused = await fleet.cli(['runs', 'rollback', connected.runId, '--yes']);
  expect(refused.code).toBe(64);
  expect(refused.stderr).toContain(`Roll that one back first with \`remora runs rollback ${run.runId}\``);
  const back = await fleet.json<Run>(['runs', 'rollback', run.runId, '--yes']);
  expect(back).toMatchObject({ status: 'succeeded', restarts: [] });
  expect(await standing(us, eu)).toEqual(without);
  expect((await fleet.cli([...connect, '--check'])).code).toBe(0);
  expect(restarts(us, eu)).toEqual(made);
};

/** Other connections under an alias that is taken. */
export const takenAliasIsRefused = async ({ fleet, us, eu, made }: RotationBed): Promise<void> => {
  const third = (await sharedPair()).us;
  await fleet.addCluster(third);
  const ours = await fleet.cli(['connect', 'eu', third.name, '--alias', 'us', '--search', '*', '--check']);
  expect(ours.code).toBe(64);
  expect(ours.stderr).toContain("The alias us of cluster eu is taken: it is Remora's connection to us.");

  const seeds = [`127.0.0.1:${us.nodes[0]?.remoteClusterPort}`];
  await eu.call('PUT', '/_cluster/settings', { persistent: { 'cluster.remote.byhand.seeds': seeds } });
  const byHand = await fleet.cli(['connect', 'eu', 'us', '--alias', 'byhand', '--search', '*', '--yes']);
  expect(byHand.code).toBe(64);
  expect(byHand.stderr).toContain(
    'The alias byhand exists on cluster eu already (in its cluster settings) and was not made by Remora: choose another alias',
  );
  await eu.call('PUT', '/_cluster/settings', { persistent: { 'cluster.remote.byhand.seeds': null } });
  expect(restarts(us, eu)).toEqual(made);
};
