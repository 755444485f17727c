import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { standing } from './standing.ts';
import { fill, searchAcross } from './traces.ts';

const DOCUMENTS = 10;
const crossed = { _clusters: { successful: 1, skipped: 0 }, hits: { total: { value: DOCUMENTS } } };
const connecting = ['connect', 'eu', 'us', '--alias', 'us', '--auth', 'certificate'];
const migrating = [
  'migrate',
  'eu',
  'us',
  '--to',
  'api_key',
  '--search',
  'logs-*',
  '--expires',
  '90d',
  '--remove-roles',
];
const PASSWORD = 'correct horse battery';
const going = ['--accept-outage', '--yes'];

/** Searches without a pause until it is stopped, and answers the longest time without a search that crossed, and what searches said then. */
const watchGaps = (local: EsCluster) => {
  const stop = new AbortController();
  const gaps: number[] = [];
  const watching = (async () => {
    for (let last = performance.now(), isOpen = false; !stop.signal.aborted; await sleep(5)) {
      const answer = await searchAcross(local, 'us').catch(() => null);
      const now = performance.now();
      const isGood = answer?._clusters.skipped === 0 && answer.hits.total.value === DOCUMENTS;
      if (isGood && isOpen) gaps.push(Math.round(now - last));
      if (isGood) last = now;
      isOpen = !isGood;
    }
  })();
  return async (): Promise<readonly number[]> => {
    stop.abort();
    await watching;
    return gaps;
  };
};

describe(`connections by certificate, two CAs, ${await newestVersionHere()}`, () => {
  const stack = new AsyncDisposableStack();
  let fleet: Fleet;
  let us: EsCluster;
  let eu: EsCluster;
  let before: Awaited<ReturnType<typeof standing>>;

  beforeAll(async () => {
    const [started, clusters] = await Promise.all([Fleet.start(), startClusters({ name: 'us' }, { name: 'eu' })]);
    [us, eu] = clusters as [EsCluster, EsCluster];
    fleet = started;
    for (const one of [us, eu, fleet]) stack.use(one);
    await Promise.all([fill(us, 'logs-1', DOCUMENTS), ...[us, eu].map((cluster) => fleet.add(cluster))]);
    before = await standing(us, eu);
  });

  afterAll(() => stack.disposeAsync());

  const plan = async (command: readonly string[]): Promise<Plan> =>
    JSON.parse((await fleet.cli([...command, '--check', '--json'])).stdout) as Plan;
  const view = () => fleet.json<ConnectionView>(['connections', 'show', 'eu', 'us']);

  test('both trust the other CA, and a search crosses without a key', async () => {
    const planned = await plan(connecting);
    expect(planned.warnings).toEqual([
      expect.stringContaining('deprecated since Elasticsearch 9.0'),
      expect.stringContaining('a superuser of eu may read everything on us'),
    ]);
    expect(await standing(us, eu)).toEqual(before);
    const made = await fleet.json<Run>([...connecting, ...going]);
    expect(made).toMatchObject({ status: 'succeeded', restarts: ['us-1', 'eu-1'] });
    expect(await searchAcross(eu, 'us')).toMatchObject(crossed);
    expect(await view()).toMatchObject({
      auth: 'certificate',
      remote: 'us',
      key: null,
      managed: true,
      connected: true,
    });
    expect((await plan(connecting)).steps).toEqual([]);
  });

  const searchedBy = (user: string) => eu.call('GET', '/us:logs-*/_search', undefined, { user, password: PASSWORD });
  const roleOnRemote = async () => (await us.raw('GET', '/_security/role/reader')).body;

  test('a user with a role of one name on both sides searches across, another does not', async () => {
    const file = join(fleet.directory, 'ann.password');
    await writeFile(file, PASSWORD, { mode: 0o600 });
    await eu.call('PUT', '/_security/user/bob', { password: PASSWORD, roles: [] });
    const apply = ['roles', 'apply', 'eu', 'us', '--name', 'reader', '--search', 'logs-*'];
    const made = await fleet.json<Run>([...apply, '--user', 'ann', '--password-file', file, '--yes']);
    expect(made).toMatchObject({ status: 'succeeded' });
    expect(await roleOnRemote()).toMatchObject({ reader: { indices: [{ names: ['logs-*'] }] } });
    expect(await searchedBy('ann')).toMatchObject(crossed);
    expect(await searchedBy('bob')).toMatchObject({ _clusters: { successful: 0, skipped: 1 } });
    expect(await fleet.cli(['roles', 'check', 'eu', 'us', '--json'])).toMatchObject({ code: 0 });
  });

  test('is brought to API keys while it is searched, and taken apart with nothing left', async () => {
    const gapsOf = watchGaps(eu);
    const migrated = await fleet.json<Run>([...migrating, ...going]).finally(() => sleep(500));
    const gaps = await gapsOf();
    expect(migrated).toMatchObject({ status: 'succeeded' });
    expect(await searchAcross(eu, 'us')).toMatchObject(crossed);
    expect(await view()).toMatchObject({ auth: 'api_key', key: { id: expect.any(String) }, connected: true });
    expect((await plan(migrating)).steps).toEqual([]);
    expect(await roleOnRemote()).toEqual({});
    console.info(`searches did not cross for ${gaps.join(', ')} ms (with the restarts of us-1 and eu-1)`);
  });

  test('a rollback brings the connection by certificate back, and disconnect everything as it was', async () => {
    const [{ runId } = { runId: '' }] = await fleet.json<Run[]>(['runs', 'list']);
    const gapsOf = watchGaps(eu);
    const back = await fleet.json<Run>(['runs', 'rollback', runId, ...going]).finally(() => sleep(500));
    const gaps = await gapsOf();
    expect(back).toMatchObject({ status: 'succeeded' });
    console.info(`searches did not cross for ${gaps.join(', ')} ms (with the restarts of us-1 and eu-1)`);
    expect(await searchAcross(eu, 'us')).toMatchObject(crossed);
    expect(await view()).toMatchObject({ auth: 'certificate', key: null, connected: true });
    expect(await searchedBy('ann')).toMatchObject(crossed);
    expect(await fleet.json<Run>(['disconnect', 'eu', 'us', ...going])).toMatchObject({ status: 'succeeded' });
    expect(await standing(us, eu)).toEqual(before);
  });

  test('a role that is left on the remote cluster alone is found by its mark, and removed', async () => {
    for (const path of ['user/ann', 'role/reader']) await eu.call('DELETE', `/_security/${path}`);
    const removed = await fleet.json<Run>(['roles', 'remove', 'eu', 'us', '--name', 'reader', '--yes']);
    expect(removed).toMatchObject({ status: 'succeeded' });
    expect(await roleOnRemote()).toEqual({});
  });
});
