import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import type { ScheduleAdded } from '@remora/shared/model/schedule.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { SearchLoop } from './search-loop.ts';
import { fill, restarts } from './traces.ts';

const DOCUMENTS = 10;
/** Before, during and after, by so many clients at once, each asking node after node in turn: one alone makes ten searches a second. */
const LEAST_SEARCHES = 1000;
const CLIENTS = 8;

interface Key {
  readonly id: string;
  readonly name: string;
  readonly invalidated: boolean;
  readonly access: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly creation: number;
  readonly expiration?: number;
}

describe(`API keys of connections, ${await newestVersionHere()} to the same`, () => {
  const stack = new AsyncDisposableStack();
  let us: EsCluster;
  let eu: EsCluster;
  let fleet: Fleet;
  let connect: string[];

  beforeAll(async () => {
    const [started, clusters] = await Promise.all([
      Fleet.start(),
      startClusters({ name: 'us' }, { name: 'eu', nodes: 2 }),
    ]);
    fleet = started;
    [us, eu] = clusters as [EsCluster, EsCluster];
    for (const one of [us, eu, fleet]) stack.use(one);
    await Promise.all([fill(us, 'logs-1', DOCUMENTS), ...[us, eu].map((cluster) => fleet.add(cluster))]);
    connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--expires', '90d', '--accept-outage'];
    const both = [connect, ['connect', 'eu', 'us', '--alias', 'all', '--search', '*']];
    for (const command of both)
      expect(await fleet.json<Run>([...command, '--yes'])).toMatchObject({ status: 'succeeded' });
  });

  afterAll(() => stack.disposeAsync());

  /** As the cluster itself tells it, by id. */
  const keysOf = async (alias: string): Promise<Key[]> => {
    const { api_keys: all } = (await us.call('GET', '/_security/api_key')) as { api_keys: Key[] };
    return all.filter(({ name }) => name.startsWith(`remora-eu-${alias}-`)).sort((a, b) => a.creation - b.creation);
  };
  const listed = (): Promise<KeyView[]> => fleet.json<KeyView[]>(['api-keys', 'list']);
  const ofConnection = async (name: string): Promise<KeyView[]> =>
    (await listed()).filter(({ connections }) => connections.includes(name));
  /** `connections check` ends with 1 where one does not work. */
  const isConnected = async (alias: string): Promise<boolean | undefined> => {
    const { stdout } = await fleet.cli(['connections', 'check', 'eu', alias, '--json']);
    return (JSON.parse(stdout) as ConnectionView[])[0]?.connected;
  };

  test('are listed with what they grant and who has them, those of others too', async () => {
    const theirs = { name: 'theirs', access: { replication: [{ names: ['archive-*'] }] } };
    await us.call('POST', '/_security/cross_cluster/api_key', theirs);
    const [key] = await keysOf('us');
    const ours = { cluster: 'us', owner: us.user, invalidated: false, managed: true, level: 'ok', findings: [] };
    const keys = await listed();
    expect(keys).toMatchObject([
      {
        ...{ ...ours, id: key?.id, name: key?.name, connections: ['eu/us'], access: 'search logs-*' },
        expiresAt: new Date(key?.expiration ?? 0).toISOString(),
      },
      { ...ours, connections: ['eu/all'], expiresAt: null, access: 'search *' },
      { name: 'theirs', connections: [], managed: false, access: 'replicate archive-*', findings: [] },
    ]);
  });

  test('are replaced under search load from every node, without a failure and without a restart', async () => {
    const [before] = await keysOf('us');
    const made = restarts(us, eu);
    const rotate = ['api-keys', 'rotate', 'eu', 'us', '--grace', '1s'];
    const checked = await fleet.cli([...rotate, '--check', '--json']);
    expect(checked.code, checked.stderr).toBe(2);
    expect(JSON.parse(checked.stdout) as Plan).toMatchObject({ restarts: [], outages: [], warnings: [] });
    expect(await keysOf('us')).toEqual([before]);

    const load = new SearchLoop(
      Array.from({ length: CLIENTS }, () => ({ cluster: eu, index: 'us:logs-1', documents: DOCUMENTS })),
    );
    stack.defer(async () => void (await load.stop()));
    await load.atLeast(CLIENTS);
    const run = await fleet.json<Run>([...rotate, '--yes']);
    await load.atLeast(LEAST_SEARCHES);
    const reports = await load.stop();
    expect(run).toMatchObject({ status: 'succeeded', workflow: 'rotate-key', restarts: [] });
    expect(reports.filter(({ failures, retried }) => failures.length + retried > 0)).toEqual([]);
    expect(restarts(us, eu)).toEqual(made);

    const [gone, key] = await keysOf('us');
    expect(gone).toEqual({ ...before, invalidated: true, invalidation: expect.any(Number) });
    expect(key).toMatchObject({ invalidated: false, access: before?.access, metadata: before?.metadata });
    expect((key?.expiration ?? 0) - (key?.creation ?? 0)).toBe((before?.expiration ?? 0) - (before?.creation ?? 0));
    expect(await ofConnection('eu/us')).toMatchObject([{ id: key?.id, level: 'ok', findings: [] }]);
    // What was wanted is in place: nothing is left of a difference.
    expect((await fleet.cli([...connect, '--check'])).code).toBe(0);

    const back = await fleet.cli(['runs', 'rollback', run.runId, '--yes']);
    expect(back.code).toBe(64);
    expect(back.stderr).toContain(`cannot be rolled back: it invalidated API key ${before?.id} of cluster us`);
  });

  test('a node whose agent is away is a debt: the old key lives until it has proven the new one', async () => {
    const [before] = (await keysOf('us')).filter(({ invalidated }) => !invalidated);
    await fleet.stopAgent('eu-2');
    const rotate = ['api-keys', 'rotate', 'eu', 'us', '--grace', '0s'];
    const refused = await fleet.cli([...rotate, '--yes']);
    expect(refused.code).toBe(64);
    expect(refused.stderr).toContain('The agent of node eu-2 (cluster eu) is offline');
    const left = await fleet.cli([...rotate, '--wait-offline', '10m', '--yes', '--json']);
    expect(left.code).toBe(1);
    const { runId, error } = JSON.parse(left.stdout) as Run;
    expect(error?.message).toBe('eu-2 is left, since its agent is offline.');
    const living = (await keysOf('us')).filter(({ invalidated }) => !invalidated);
    expect(living.map(({ id }) => id)).toEqual([before?.id, expect.any(String)]);
    expect(await ofConnection('eu/us')).toMatchObject([{ id: before?.id }]);
    const [next] = (await listed()).filter(({ id }) => id === living[1]?.id);
    expect(next?.findings.join()).toContain('eu/us, for which it was made, has another key on record');

    await fleet.startAgent('eu-2');
    let run: Run;
    do {
      await sleep(500);
      run = await fleet.json<Run>(['runs', 'show', runId]);
    } while (run.status !== 'succeeded');
    expect((await keysOf('us')).filter(({ invalidated }) => !invalidated).map(({ id }) => id)).toEqual([living[1]?.id]);
    expect(await ofConnection('eu/us')).toMatchObject([{ id: living[1]?.id, level: 'ok' }]);
    expect(await isConnected('us')).toBe(true);
  });

  test('one that is revoked lets nobody in, and the connection gets another when it is named', async () => {
    const revoke = ['api-keys', 'revoke', 'eu', 'all'];
    const { warnings } = JSON.parse((await fleet.cli([...revoke, '--check', '--json'])).stdout) as Plan;
    expect(warnings.join()).toContain('The connection eu/all stops at once');
    const revoked = await fleet.json<Run>([...revoke, '--yes']);
    expect(revoked).toMatchObject({ status: 'succeeded', workflow: 'revoke-key' });
    const back = await fleet.cli(['runs', 'rollback', revoked.runId, '--yes']);
    expect([back.code, back.stderr]).toEqual([64, expect.stringContaining('which nobody can make valid again')]);
    expect(await isConnected('all')).toBe(false);
    expect((await keysOf('all')).map(({ invalidated }) => invalidated)).toEqual([true]);
    const [dead] = await ofConnection('eu/all');
    expect(dead).toMatchObject({ invalidated: true, level: 'critical' });
    expect((await fleet.cli(['api-keys', 'rotate', '--expiring', '1d', '--check'])).code).toBe(0);
    const rotated = await fleet.json<Run>([
      'api-keys',
      'rotate',
      'eu',
      'all',
      '--expires',
      '30d',
      '--grace',
      '0s',
      '--yes',
    ]);
    expect(rotated).toMatchObject({ status: 'succeeded', restarts: [] });
    expect(await isConnected('all')).toBe(true);
  });

  test('a schedule replaces those that end soon, of both connections in one run', async () => {
    const before = await listed();
    const add = ['schedules', 'add', 'keys', '--cron', '0 3 * * *', '--do', 'rotate-key', '--expiring', '91d'];
    const { warnings } = await fleet.json<ScheduleAdded>(add);
    expect(warnings.join()).toContain(
      'Each run would replace keys that live no longer than --expiring 91d (eu/all, eu/us)',
    );
    const run = await fleet.json<Run>(['schedules', 'run', 'keys']);
    expect(run).toMatchObject({ status: 'succeeded', workflow: 'rotate-key', actor: 'schedule:keys', restarts: [] });
    for (const name of ['eu/us', 'eu/all']) {
      const [key] = await ofConnection(name);
      expect(before.map(({ id }) => id)).not.toContain(key?.id);
      expect([await isConnected(name.split('/')[1] ?? ''), key?.findings]).toEqual([true, []]);
    }
    const living = (await listed()).filter(({ managed, invalidated }) => managed && !invalidated);
    expect(living).toHaveLength(2);
  });
});
