import { networkInterfaces } from 'node:os';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import { Fleet } from '../../support/fleet.ts';
import { fill, restarts, searchAcross } from './traces.ts';

/** An interface of this machine beside loopback, where the transport of the nodes listens. */
const outer = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
  (addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => ({ name, address })),
)[0];

const connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--accept-outage'];

describe.skipIf(!outer)('a remote node that listens where nobody could foresee', () => {
  const stack = new AsyncDisposableStack();
  let us: EsCluster;
  let eu: EsCluster;
  let fleet: Fleet;

  beforeAll(async () => {
    const [started, clusters] = await Promise.all([
      Fleet.start(),
      startClusters({ name: 'us', settings: [`remote_cluster.host: _${outer?.name}:ipv4_`] }, { name: 'eu' }),
    ]);
    fleet = started;
    [us, eu] = clusters as [EsCluster, EsCluster];
    for (const one of [us, eu, fleet]) stack.use(one);
    await fill(us, 'logs-1', 1);
    for (const one of [us, eu]) await fleet.add(one);
  });

  afterAll(() => stack.disposeAsync());

  const keys = () => fleet.json<KeyView[]>(['api-keys', 'list', '--cluster', 'us']);

  test('ends the run before the local cluster is touched, which has no key then', async () => {
    const answer = await fleet.cli([...connect, '--yes', '--json']);
    expect(answer.code, answer.stderr).toBe(1);
    const port = us.nodes[0]?.remoteClusterPort;
    expect(answer.stderr).toContain(
      `The remote cluster server of us-1 listens at ${outer?.address}:${port}, and the plan sends local nodes to 127.0.0.1:${port}.`,
    );
    expect(restarts(us, eu)).toEqual({ 'us-1': 1, 'eu-1': 0 });
    // One that a next run takes, or a rollback ends: on record, and in no keystore.
    expect(await keys()).toMatchObject([{ connections: ['eu/us'], invalidated: false }]);
    expect(await eu.call('GET', '/_remote/info')).toEqual({});
  }, 600_000);

  test('the same command goes there, and restarts it no more', async () => {
    const shown = await fleet.cli([...connect, '--check', '--diff', '--json']);
    const plan = JSON.parse(shown.stdout) as Plan;
    expect(plan.restarts).toEqual(['eu-1']);
    const run = await fleet.json<Run>([...connect, '--yes']);
    expect(run).toMatchObject({ status: 'succeeded', restarts: ['eu-1'] });
    expect(run.steps.some(({ kind }) => kind === 'api-key.create')).toBe(false);
    expect(await keys()).toHaveLength(1);
    expect(restarts(us, eu)).toEqual({ 'us-1': 1, 'eu-1': 1 });
    const answer = await searchAcross(eu, 'us');
    expect(answer._clusters).toMatchObject({ successful: 1, skipped: 0 });
    expect((await fleet.cli([...connect, '--check'])).code).toBe(0);
  }, 600_000);
});
