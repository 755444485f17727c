import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RoleCheck, RoleView } from '@remora/shared/model/keys/role-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect, test } from 'vitest';
import { type Bed, DOCUMENTS } from './bed.ts';

const PASSWORD = 'correct horse battery';
const ROLE = 'staff-reader';

interface Found {
  readonly _clusters: { readonly successful: number; readonly skipped: number };
  readonly hits: { readonly total: { readonly value: number } };
}

/** Roles with which users search over a connection; each of these goes on where the one before ended. */
export const rolesSuite = (bed: () => Bed): void => {
  const apply = (name: string, ...more: readonly string[]) => [
    'roles',
    'apply',
    'eu',
    'staff',
    '--name',
    name,
    ...more,
  ];
  const reader = apply(ROLE, '--search', 'logs-*');
  const searched = (user: string, node = 0): Promise<Found> =>
    bed().eu.call('GET', '/staff:logs-*/_search', undefined, { node, user, password: PASSWORD }) as Promise<Found>;
  const roles = () => bed().fleet.json<RoleView[]>(['roles', 'list', '--cluster', 'eu']);
  const roleNow = async (name: string) => (await bed().eu.raw('GET', `/_security/role/${name}`)).body;
  let passwordFile = '';

  test('one is made and given to a user, who is made for it: that user searches across from every node, another does not', async () => {
    const { fleet, eu } = bed();
    passwordFile = join(fleet.directory, 'ann.password');
    await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    const connect = ['connect', 'eu', 'us', '--alias', 'staff', '--search', 'logs-*', '--yes'];
    expect(await fleet.json<Run>(connect)).toMatchObject({ status: 'succeeded', restarts: [] });
    await eu.call('PUT', '/_security/user/bob', { password: PASSWORD, roles: [], full_name: 'Bob' });

    const wanted = [...reader, '--user', 'ann', '--password-file', passwordFile];
    const shown = await fleet.cli([...wanted, '--check', '--diff']);
    expect(shown.code, shown.stderr).toBe(2);
    expect(shown.stdout).toContain('remote_indices over staff: logs-*: read, read_cross_cluster, view_index_metadata');
    expect(shown.stdout).toContain('Carry it out with the same command, without --check');
    expect(await roleNow(ROLE)).toEqual({});
    expect(await fleet.json<string[]>(['secrets', 'list'])).not.toContain('users/eu/ann');

    expect(await fleet.json<Run>([...wanted, '--yes'])).toMatchObject({ status: 'succeeded', workflow: 'apply-role' });
    expect(await fleet.json<string[]>(['secrets', 'list'])).toContain('users/eu/ann');
    for (const node of eu.nodes.keys())
      expect(await searched('ann', node)).toMatchObject({
        ...{ _clusters: { successful: 1, skipped: 0 }, hits: { total: { value: DOCUMENTS } } },
      });
    expect(await searched('bob')).toMatchObject({ _clusters: { successful: 0, skipped: 1 } });
    const again = await fleet.cli([...wanted, '--check', '--json']);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(again.stdout)).toMatchObject({ steps: [], warnings: [] });
    expect((await roles()).find(({ name }) => name === ROLE)).toMatchObject({
      ...{ managed: true, connection: 'eu/staff', users: ['ann'], drift: [] },
    });
    expect(fleet.outputs.join('\n')).not.toContain(PASSWORD);
  });

  test('what the key does not cover is named, also of a role that somebody made by hand with wildcards', async () => {
    const { fleet, eu } = bed();
    const over = { clusters: ['st*'], privileges: ['read', 'view_index_metadata'] };
    await eu.call('PUT', '/_security/role/by-hand', {
      remote_indices: [
        { ...over, names: ['metrics-*'] },
        { ...over, names: ['*'] },
      ],
    });
    const checked = await fleet.cli(['roles', 'check', 'eu', 'staff', '--json']);
    expect(checked.code).toBe(1);
    expect(JSON.parse(checked.stdout)).toEqual([
      {
        ...{ cluster: 'eu', name: 'by-hand', managed: false, ok: false },
        findings: [
          'staff:metrics-* is not in search of the key.',
          'staff:* goes beyond search of the key, which has logs-*.',
        ],
      },
      { cluster: 'eu', name: ROLE, managed: true, ok: true, findings: [] },
    ] satisfies RoleCheck[]);
    const taken = await fleet.cli(apply('by-hand', '--search', 'logs-*', '--yes'));
    expect(taken).toMatchObject({ code: 64, stderr: expect.stringContaining('has a role by-hand already') });
    await eu.call('DELETE', '/_security/role/by-hand');
    expect(await fleet.cli(['roles', 'check', 'eu', 'staff'])).toMatchObject({ code: 0 });
  });

  test('what somebody changed of it is shown, and mended by the same command', async () => {
    const { fleet, eu } = bed();
    const { [ROLE]: role } = (await roleNow(ROLE)) as Record<string, { metadata: object }>;
    await eu.call('PUT', `/_security/role/${ROLE}`, { cluster: ['monitor'], metadata: role?.metadata });
    expect((await roles()).find(({ name }) => name === ROLE)?.drift).toEqual([
      expect.stringMatching(/^It has lost remote_indices over staff: logs-\*/),
      'It has gained cluster: monitor.',
    ]);
    expect(await searched('ann')).toMatchObject({ _clusters: { skipped: 1 } });
    expect(await fleet.json<Run>([...reader, '--yes'])).toMatchObject({ status: 'succeeded' });
    expect(await searched('ann')).toMatchObject({ hits: { total: { value: DOCUMENTS } } });
  });

  test('a user that is there gets it beside other roles, and a rollback takes that back with what it changed of the role', async () => {
    const { fleet, eu } = bed();
    const before = await roleNow(ROLE);
    await eu.call('PUT', '/_security/user/bob', { roles: ['viewer'], full_name: 'Bob' });
    const wider = apply(ROLE, '--search', 'logs-*,metrics-*', '--remote-cluster', 'monitor_enrich', '--user', 'bob');
    const shown = await fleet.cli([...wider, '--check', '--json']);
    expect((JSON.parse(shown.stdout) as Plan).warnings).toEqual([
      expect.stringContaining('staff:metrics-* is not in search of the key'),
    ]);
    const run = await fleet.json<Run>([...wider, '--yes']);
    expect(await eu.call('GET', '/_security/user/bob')).toMatchObject({
      bob: { roles: ['viewer', ROLE], full_name: 'Bob' },
    });
    expect((await searched('bob')).hits.total.value).toBe(DOCUMENTS);
    expect(await fleet.json<Run>(['runs', 'rollback', run.runId, '--yes'])).toMatchObject({ status: 'succeeded' });
    expect(await eu.call('GET', '/_security/user/bob')).toMatchObject({ bob: { roles: ['viewer'], full_name: 'Bob' } });
    expect(await roleNow(ROLE)).toEqual(before);
  });

  test('Elasticsearch takes one to replicate too, and the plan says that the key of the connection grants no replication', async () => {
    const { fleet } = bed();
    const run = await fleet.json<Run>([
      ...apply('copier', '--replication', 'logs-*', '--followers', 'copy-*'),
      '--yes',
    ]);
    expect(await roleNow('copier')).toMatchObject({
      copier: {
        cluster: ['manage_ccr'],
        indices: [{ names: ['copy-*'], privileges: ['monitor', 'read', 'write', 'manage_follow_index'] }],
        remote_indices: [{ clusters: ['staff'], names: ['logs-*'], privileges: ['cross_cluster_replication'] }],
      },
    });
    const checked = await fleet.cli(['roles', 'check', 'eu', 'staff']);
    expect(checked.stdout).toContain('staff:logs-* is not in replication of the key.');
    expect(await fleet.json<Run>(['runs', 'rollback', run.runId, '--yes'])).toMatchObject({ status: 'succeeded' });
    expect(await roleNow('copier')).toEqual({});
  });

  test('removed, it goes with the user that was made for it; a rollback of that brings both back, with the password', async () => {
    const { fleet, eu } = bed();
    const remove = ['roles', 'remove', 'eu', 'staff', '--name', ROLE, '--yes'];
    const run = await fleet.json<Run>(remove);
    expect(run).toMatchObject({ status: 'succeeded', workflow: 'remove-role' });
    expect(await roleNow(ROLE)).toEqual({});
    expect((await eu.raw('GET', '/_security/user/ann')).status).toBe(404);
    expect(await fleet.json<Run>(['runs', 'rollback', run.runId, '--yes'])).toMatchObject({ status: 'succeeded' });
    expect((await searched('ann')).hits.total.value).toBe(DOCUMENTS);
    expect(await fleet.json<Run>(remove)).toMatchObject({ status: 'succeeded' });
    await eu.call('DELETE', '/_security/user/bob');
    expect(await roles()).toEqual([]);
  });

  test('one that outlives its connection is told, and removed as before', async () => {
    const { fleet } = bed();
    expect(await fleet.json<Run>([...reader, '--yes'])).toMatchObject({ status: 'succeeded' });
    const off = await fleet.cli(['disconnect', 'eu', 'staff', '--check', '--json']);
    expect((JSON.parse(off.stdout) as Plan).warnings).toContainEqual(
      expect.stringContaining(`\`remora roles remove eu staff --name ${ROLE}\` takes it away`),
    );
    expect(await fleet.json<Run>(['disconnect', 'eu', 'staff', '--yes'])).toMatchObject({ status: 'succeeded' });
    expect((await roles()).find(({ name }) => name === ROLE)?.drift).toEqual([
      expect.stringContaining(
        `eu/staff is not on record any more: \`remora roles remove eu staff --name ${ROLE}\` takes the role away`,
      ),
    ]);
    const remove = ['roles', 'remove', 'eu', 'staff', '--name', ROLE, '--yes'];
    expect(await fleet.json<Run>(remove)).toMatchObject({ status: 'succeeded' });
    expect(await roles()).toEqual([]);
    expect(await fleet.cli(remove)).toMatchObject({ code: 64, stderr: expect.stringContaining('has no role') });
  });
};
