import { writeFileSync } from 'node:fs';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect, test } from 'vitest';
import { standing } from '../standing.ts';
import { searchAcross } from '../traces.ts';
import { type Bed, DOCUMENTS } from './bed.ts';

const ENTRY = 'cluster.remote.hand.credentials';

interface MadeKey {
  readonly id: string;
  readonly encoded: string;
}

const makeKey = ({ us }: Bed, name: string): Promise<MadeKey> =>
  us.call('POST', '/_security/cross_cluster/api_key', {
    name,
    expiration: '30d',
    access: { search: [{ names: ['logs-*'] }] },
    metadata: { team: 'search' },
  }) as Promise<MadeKey>;

/** As Elastic's page has it done: the key into each keystore, a reload, the alias by cluster settings. */
const giveKey = async ({ eu }: Bed, { encoded }: MadeKey, nodes = eu.nodes): Promise<void> => {
  await Promise.all(nodes.map((node) => node.keystore(['add', '-x', '-f', ENTRY], `${encoded}\n`)));
  await eu.call('POST', '/_nodes/reload_secure_settings');
};

const putAlias = ({ eu }: Bed, scope: 'persistent' | 'transient', seeds: unknown): Promise<unknown> =>
  eu.call('PUT', '/_cluster/settings', { [scope]: { 'cluster.remote.hand.seeds': seeds } });

const show = ({ fleet }: Bed): Promise<ConnectionView> => fleet.json(['connections', 'show', 'eu', 'hand']);

const searched = async ({ eu }: Bed): Promise<unknown[]> =>
  Promise.all([0, 1].map(async (node) => (await searchAcross(eu, 'hand', node)).hits.total.value));

const isInvalidated = async ({ us }: Bed, id: string): Promise<boolean | undefined> => {
  const { api_keys: keys } = (await us.call('GET', `/_security/api_key?id=${id}`)) as {
    readonly api_keys: readonly { readonly invalidated: boolean }[];
  };
  return keys[0]?.invalidated;
};

/** All of the clusters but what a credential, a key and its digest are. */
const apart = async ({ us, eu }: Bed) => {
  const all = await standing(us, eu);
  return {
    nodes: Object.entries(all.nodes).map(
      ([
        name,
        {
          files,
          entries: { [ENTRY]: _, ...others },
        },
      ]) => [name, files, others],
    ),
    settings: Object.values(all.clusters).map(({ settings }) => settings),
    loaded: Object.values(all.clusters).map(({ loaded }) => loaded),
  };
};

const check = async ({ fleet }: Bed, args: readonly string[]): Promise<{ code: number; plan: Plan }> => {
  const { code, stdout, stderr } = await fleet.cli([...args, '--check', '--json']);
  if (stdout === '') throw new Error(`remora ${args.join(' ')}: exit ${code}: ${stderr}`);
  return { code, plan: JSON.parse(stdout) as Plan };
};

const adopt = ['adopt', 'eu', 'hand'];
const refusal = async ({ fleet }: Bed, args: readonly string[]): Promise<string> => {
  const { code, stderr } = await fleet.cli([...args, '--yes']);
  expect(code, stderr).toBe(64);
  return stderr;
};

export const adoptSuite = (bed: () => Bed): void => {
  const seeds = (): string[] => [`127.0.0.1:${bed().us.nodes[0]?.remoteClusterPort}`];
  let key: MadeKey;

  test('one half-made is refused by what it lacks: no alias, no key, a key on one node only, an alias that is transient', async () => {
    const { eu } = bed();
    expect(await refusal(bed(), adopt)).toMatch(/Cluster eu has no alias hand/);
    key = await makeKey(bed(), 'by hand');
    await putAlias(bed(), 'transient', seeds());
    expect(await refusal(bed(), adopt)).toMatch(
      /transient settings of the alias hand \(cluster\.remote\.hand\.seeds\)/,
    );
    await putAlias(bed(), 'transient', null);
    await giveKey(bed(), key, eu.nodes.slice(0, 1));
    await putAlias(bed(), 'persistent', seeds());
    expect(await refusal(bed(), adopt)).toMatch(/eu-2 of cluster eu has no cluster\.remote\.hand\.credentials/);
  });

  test('it is taken over as it stands: nothing but the credential becomes another', async () => {
    const { fleet, eu } = bed();
    await giveKey(bed(), key, eu.nodes.slice(1));
    expect(await searched(bed())).toEqual([DOCUMENTS, DOCUMENTS]);
    expect(await show(bed())).toMatchObject({ managed: false, remote: null });
    const before = await apart(bed());
    const { code, plan } = await check(bed(), adopt);
    expect([code, plan.restarts, plan.outages]).toEqual([2, [], []]);
    expect(plan.warnings.join()).toContain(`API key by hand (${key.id}`);
    expect(await fleet.json<Run>([...adopt, '--yes'])).toMatchObject({ status: 'succeeded' });
    expect(await apart(bed())).toEqual(before);
    expect(await show(bed())).toMatchObject({
      ...{ managed: true, remote: 'us', connected: true, auth: 'api_key' },
      setUp: {
        settings: { 'cluster.remote.hand.seeds': seeds() },
        ...{ access: { search: [{ names: ['logs-*'] }] }, expires: '30d', metadata: { team: 'search' } },
      },
    });
    expect(await searched(bed())).toEqual([DOCUMENTS, DOCUMENTS]);
    expect(await isInvalidated(bed(), key.id)).toBe(false);
  });

  test('nothing is left to do then, neither for adopt nor for connect with the same values', async () => {
    const again = await check(bed(), adopt);
    expect([again.code, again.plan.steps]).toEqual([0, []]);
    const wish = ['connect', 'eu', 'us', '--alias', 'hand', '--search', 'logs-*', '--expires', '30d'];
    const { directory } = bed().fleet;
    const metadata = `${directory}/hand-metadata.json`;
    writeFileSync(metadata, '{"team":"search"}');
    const same = await check(bed(), [...wish, '--metadata', metadata, '--seeds', seeds().join()]);
    expect([same.code, same.plan.steps]).toEqual([0, []]);
  });

  test('a rollback makes it theirs again, with the key that it had', async () => {
    const { fleet, eu } = bed();
    const [run] = await fleet.json<Run[]>(['runs', 'list']);
    const rollback = await fleet.json<Run>(['runs', 'rollback', String(run?.runId), '--yes']);
    expect(rollback).toMatchObject({ status: 'succeeded' });
    expect(await show(bed())).toMatchObject({ managed: false, remote: null, connected: true });
    expect(Object.values((await standing(eu)).nodes).map(({ entries }) => entries[ENTRY])).toEqual([
      key.encoded,
      key.encoded,
    ]);
    expect(await searched(bed())).toEqual([DOCUMENTS, DOCUMENTS]);
  });

  test('the key that it had goes where that is asked for, and the connection is taken apart as any other', async () => {
    const { fleet } = bed();
    expect(await fleet.json<Run>([...adopt, '--revoke-old', '--yes'])).toMatchObject({ status: 'succeeded' });
    expect(await isInvalidated(bed(), key.id)).toBe(true);
    expect(await searched(bed())).toEqual([DOCUMENTS, DOCUMENTS]);
    expect(await fleet.json<Run>(['disconnect', 'eu', 'hand', '--yes'])).toMatchObject({ status: 'succeeded' });
    const [view] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'us']);
    expect(view?.connected).toBe(true);
  });
};
