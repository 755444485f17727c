import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEntry } from '@remora/shared/model/audit.ts';
import type { ConnectionView, DoctorLine } from '@remora/shared/model/inventory.ts';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import type { EsNode } from '../../elasticsearch/node.ts';
import { type CliAnswer, Fleet } from '../../support/fleet.ts';
import { standing } from './standing.ts';
import { fill, restarts, searchAcross, traces } from './traces.ts';

/** The privileges that README names, nothing more, on both clusters; and what is said when one of them is missing. */

const stack = new AsyncDisposableStack();
const connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--accept-outage'];
const data = ['data', 'ingest', 'remote_cluster_client'];
const password = randomBytes(12).toString('base64url');
let us: EsCluster;
let eu: EsCluster;
let fleet: Fleet;
let before: Awaited<ReturnType<typeof standing>>;

/** As README says it; the alias of its example is the one here. */
const cluster = ['monitor', 'manage', 'manage_security'];
const remoteIndices = [{ clusters: ['us'], names: ['*'], privileges: ['view_index_metadata'] }];

/** Somebody changes the role by hand. */
const grant = (where: EsCluster, role: object): Promise<unknown> =>
  where.call('PUT', '/_security/role/remora', { ...role, metadata: { managed_by: 'remora' } });

/** `clusters add` as README says it, which makes the user `remora` too. */
const added = async (where: EsCluster, ...aliases: readonly string[]): Promise<CliAnswer> => {
  const [file, adminFile] = ['remora', 'admin'].map((name) => join(fleet.directory, `${where.name}.${name}`));
  if (!file || !adminFile) throw new Error('there are no files');
  await writeFile(file, password, { mode: 0o600 });
  await writeFile(adminFile, where.password, { mode: 0o600 });
  const urls = where.nodes.flatMap(({ url }) => ['--url', url]);
  const user = ['--user', 'remora', '--password-file', file];
  const admin = ['--create-user', '--admin-user', where.user, '--admin-password-file', adminFile];
  const over = aliases.flatMap((alias) => ['--alias', alias]);
  const answer = await fleet.cli([
    ...['clusters', 'add', where.name, ...urls, '--ca', where.caPath],
    ...[...user, ...admin, ...over],
  ]);
  expect(answer.code, answer.stderr).toBe(0);
  return answer;
};

/** Adds a cluster, and an agent beside each of its nodes. */
const add = async (where: EsCluster, ...aliases: readonly string[]): Promise<void> => {
  await added(where, ...aliases);
  const token = await fleet.joinToken(where.name, where.nodes.length);
  await Promise.all(where.nodes.map((node) => fleet.addAgent(node, token, where.caPath)));
};

const refused = async (...sentences: readonly (string | RegExp)[]): Promise<void> => {
  const before = traces(us, eu);
  for (const flag of ['--check', '--yes']) {
    const answer = await fleet.cli([...connect, flag]);
    expect(answer.code, answer.stderr).toBe(64);
    for (const sentence of sentences) expect(answer.stderr).toMatch(sentence);
  }
  expect(traces(us, eu)).toEqual(before);
};

const doctor = async (): Promise<{ code: number; failed: readonly DoctorLine[] }> => {
  const { code, stdout } = await fleet.cli(['doctor', '--json']);
  return { code, failed: (JSON.parse(stdout) as DoctorLine[]).filter(({ ok }) => !ok) };
};

beforeAll(async () => {
  const [started, clusters] = await Promise.all([
    Fleet.start(),
    startClusters(
      { name: 'us', nodes: 2, roles: [['master', ...data], data] },
      {
        ...{ name: 'eu', nodes: 2, version: '8.19.21', roles: [['master', ...data], ['remote_cluster_client']] },
        settings: [
          'xpack.security.remote_cluster_client.ssl.certificate_authorities: ["$' + '{ES_PATH_CONF}/transport-ca.crt"]',
        ],
      },
    ),
  ]);
  fleet = started;
  [us, eu] = clusters as [EsCluster, EsCluster];
  for (const one of [us, eu, fleet]) stack.use(one);
  await Promise.all([add(us), add(eu, 'us')]);
  await fill(us, 'logs-2026.11.28', 1);
});

afterAll(() => stack.disposeAsync());

test('the user that `clusters add` made has these privileges and no other, and nothing keeps who made it', async () => {
  for (const where of [us, eu]) {
    const { role, user } = {
      role: (await where.call('GET', '/_security/role/remora')) as { remora: Record<string, unknown> },
      user: (await where.call('GET', '/_security/user/remora')) as { remora: Record<string, unknown> },
    };
    expect(role.remora).toMatchObject({ cluster, indices: [], applications: [], run_as: [] });
    const over = where === us ? undefined : [{ ...remoteIndices[0], allow_restricted_indices: false }];
    expect(role.remora.remote_indices).toEqual(over);
    expect(user.remora).toMatchObject({ roles: ['remora'], enabled: true, metadata: { managed_by: 'remora' } });
  }
  const made = (await fleet.json<AuditEntry[]>(['audit', 'list'])).filter(({ action }) => action === 'cluster.user');
  expect(made.map(({ target }) => target).sort()).toEqual(['eu', 'us']);
  expect((await fleet.json<string[]>(['secrets', 'list'])).sort()).toEqual([
    'cluster/eu/password',
    'cluster/us/password',
  ]);
});

test('README names these privileges', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  for (const privilege of cluster) expect(readme).toContain(`\`${privilege}\``);
  const [entry] = remoteIndices;
  expect(readme).toContain(JSON.stringify(entry).slice(1, -1).replaceAll('":', '": ').replaceAll(',"', ', "'));
});

test('what a user may not do is a finding, by every cluster, and a line of the doctor', async () => {
  await grant(us, { cluster: ['monitor', 'manage'] });
  await grant(eu, { cluster, remote_indices: [{ ...remoteIndices[0], clusters: ['other-*'] }] });
  await refused(
    'The user that Remora has for cluster us lacks the cluster privilege manage_security.',
    'The user that Remora has for cluster eu has no remote_indices for the alias us',
  );
  expect((await doctor()).failed).toEqual([
    {
      check: 'privileges us',
      ok: false,
      detail: 'The user that Remora has for cluster us lacks the cluster privilege manage_security.',
    },
  ]);
  await grant(us, { cluster: ['manage_security'] });
  await refused('The user that Remora has for cluster us lacks the cluster privileges monitor, manage.');
  await grant(us, { cluster });
  await grant(eu, { cluster, remote_indices: remoteIndices });
});

test('a node that is away is not left out: connect and doctor say it', async () => {
  const away = eu.nodes[1] as EsNode;
  await away.stop();
  await eu.call('GET', '/_cluster/health?wait_for_nodes=1&timeout=60s');
  await refused('Node eu-2 has an agent and is not in cluster eu: start it, or take out what is gone for good');
  const { code, failed } = await doctor();
  expect(code).not.toBe(0);
  expect(failed).toContainEqual({ check: 'node eu/eu-2', ok: false, detail: expect.stringContaining('start it') });
  await away.start();
  await eu.waitUntilReady();
});

test('the connection is made, also where a cluster is always yellow: that outage is stated', async () => {
  await us.call('PUT', '/warm-1', {
    settings: { number_of_replicas: 1, 'index.routing.allocation.require._name': 'us-2' },
  });
  await us.call('PUT', '/lone-1', { settings: { number_of_replicas: 0 } });
  await us.call('GET', '/_cluster/health?wait_for_no_initializing_shards=true&wait_for_events=languid&timeout=60s');
  const shown = await fleet.cli([...connect, '--check', '--json']);
  const plan = JSON.parse(shown.stdout) as Plan;
  expect(plan.outages).toEqual([
    expect.stringContaining('Cluster us has one node that can be elected master'),
    expect.stringMatching(/^Node us-2 of cluster us holds the only started copy of warm-1\[0\], /),
    expect.stringContaining('Cluster eu has one node that can be elected master'),
    expect.stringContaining('Cluster eu has one data node'),
  ]);
  expect(plan.warnings.join('\n')).toMatch(/Indices of cluster us without a replica .*: lone-1\./);

  before = await standing(us, eu);
  const run = await fleet.json<Run>([...connect, '--yes']);
  expect(run.status).toBe('succeeded');
  expect(restarts(us, eu)).toMatchObject({ 'us-1': 1, 'us-2': 1, 'eu-1': 1 });
  for (const node of eu.nodes.keys()) {
    const answer = await searchAcross(eu, 'us', node);
    expect(answer._clusters).toMatchObject({ successful: 1, skipped: 0 });
    expect(answer.hits.total.value).toBe(1);
  }
}, 900_000);

test('with it the connection is proven, there is nothing to do again, and the doctor is content', async () => {
  const [view] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'us']);
  expect(view?.proof.map(({ node, state }) => [node, state])).toEqual([
    ['eu-1', 'ok'],
    ['eu-2', 'ok'],
  ]);
  const again = await fleet.cli([...connect, '--check', '--json']);
  expect(again).toMatchObject({ code: 0 });
  expect(JSON.parse(again.stdout)).toMatchObject({ steps: [], outages: [] });
  expect(await doctor()).toEqual({ code: 0, failed: [] });
});

test('its role is not taken over as one for users, which would lock Remora out', async () => {
  const asked = ['roles', 'apply', 'eu', 'us', '--name', 'remora', '--search', 'logs-*', '--adopt', '--check'];
  const answer = await fleet.cli(asked);
  expect(answer).toMatchObject({ code: 64, stderr: expect.stringContaining("is one of Remora's own user") });
});

test('a key that was invalidated behind our back: said with reason and hint, and mended by another connect', async () => {
  const shown = await fleet.json<ConnectionView>(['connections', 'show', 'eu', 'us']);
  await us.call('DELETE', '/_security/api_key', { ids: [shown.key?.id] });
  const checked = await fleet.cli(['connections', 'check', 'eu', 'us', '--json']);
  expect(checked.code).toBe(1);
  const [view] = JSON.parse(checked.stdout) as ConnectionView[];
  expect(view?.connected).toBe(false);
  expect(view?.proof.map(({ node }) => node)).toEqual(['eu-1', 'eu-2']);
  for (const proof of view?.proof ?? []) {
    expect(proof).toMatchObject({ ok: false, state: 'failed' });
    expect(proof.error).toMatch(/has been invalidated|unable to authenticate user/);
    expect(proof.hint).toMatch(/`remora api-keys rotate LOCAL ALIAS` gives the connection another/);
  }

  const started = restarts(us, eu);
  const run = await fleet.json<Run>([...connect, '--yes']);
  expect(run).toMatchObject({ status: 'succeeded', restarts: [] });
  const kinds = run.steps.map(({ kind }) => kind);
  for (const kind of ['api-key.create', 'node.change', 'secure-settings.reload', 'connection.prove'])
    expect(kinds).toContain(kind);
  expect(restarts(us, eu)).toEqual(started);
  const [after] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'us']);
  expect(after?.connected).toBe(true);
  expect(after?.key?.id).not.toBe(shown.key?.id);
  for (const node of eu.nodes.keys()) expect((await searchAcross(eu, 'us', node)).hits.total.value).toBe(1);
});

test('a connection that replicates only is proven too', async () => {
  const copies = ['connect', 'eu', 'us', '--alias', 'copies', '--replication', 'logs-*', '--accept-outage', '--yes'];
  expect((await added(eu, 'copies')).stderr).toContain('Cluster eu was known');
  expect(await eu.call('GET', '/_security/role/remora')).toMatchObject({
    remora: { cluster, remote_indices: [{ clusters: ['copies', 'us'] }] },
  });
  expect(await fleet.json<Run>(copies)).toMatchObject({ status: 'succeeded', restarts: [] });
});

test('keys of both are replaced by these users, the one to search and the one to replicate, and every node says which one it uses', async () => {
  const started = restarts(us, eu);
  const living = async () =>
    (await fleet.json<KeyView[]>(['api-keys', 'list'])).filter(({ invalidated }) => !invalidated);
  const old = await living();
  const rotated = await fleet.json<Run>(['api-keys', 'rotate', 'eu', '--all', '--grace', '0s', '--yes']);
  expect(rotated).toMatchObject({ status: 'succeeded', workflow: 'rotate-key', restarts: [] });
  expect(restarts(us, eu)).toEqual(started);
  const keys = await living();
  expect(keys.map(({ connections, level }) => [connections, level]).sort()).toEqual([
    [['eu/copies'], 'ok'],
    [['eu/us'], 'ok'],
  ]);
  expect(keys.filter(({ id }) => old.some((one) => one.id === id))).toEqual([]);
  for (const { connected } of await fleet.json<ConnectionView[]>(['connections', 'check']))
    expect(connected).toBe(true);
});

test('a user that may not ask any more is told so, and that it says nothing of the connection', async () => {
  await grant(eu, { cluster });
  const checked = await fleet.cli(['connections', 'check', 'eu', 'us', '--json']);
  expect(checked.code).toBe(1);
  const [view] = JSON.parse(checked.stdout) as ConnectionView[];
  expect(view?.proof.map(({ state }) => state)).toEqual(['n/a', 'n/a']);
  expect(view?.proof[0]?.hint).toMatch(/says nothing of the connection.*needs remote_indices/);
  const told = await fleet.cli(['connections', 'check', 'eu', 'us']);
  expect(told.stdout).toContain('eu -> us as "us": NOT proven');
  const { failed } = await doctor();
  expect(failed).toMatchObject([{ check: 'privileges eu', detail: expect.stringContaining('for the alias us') }]);
});

test('both connections are taken apart: the first while the other works on, with the last all is as it was before', async () => {
  await grant(eu, { cluster, remote_indices: [...remoteIndices, { ...remoteIndices[0], clusters: ['cop*'] }] });
  const started = restarts(us, eu);
  expect(await fleet.json<Run>(['disconnect', 'eu', 'us', '--yes'])).toMatchObject({
    status: 'succeeded',
    restarts: [],
  });
  expect(restarts(us, eu)).toEqual(started);
  const left = await fleet.json<ConnectionView[]>(['connections', 'list']);
  expect(left.map(({ alias, connected, managed }) => [alias, connected, managed])).toEqual([['copies', true, true]]);
  const again = await fleet.cli(['disconnect', 'eu', 'us', '--yes']);
  expect(again).toMatchObject({ code: 64, stderr: expect.stringContaining('There is eu/copies.') });

  const shown = await fleet.cli(['disconnect', 'eu', 'copies', '--check', '--diff']);
  expect(shown.code, shown.stderr).toBe(2);
  expect(shown.stdout).toMatch(/^ *-xpack\.security\.remote_cluster_server\.ssl\.keystore\.path: /m);
  const run = await fleet.json<Run>(['disconnect', 'eu', 'copies', '--accept-outage', '--yes']);
  expect(run).toMatchObject({ status: 'succeeded', restarts: ['eu-2', 'eu-1', 'us-2', 'us-1'] });
  expect(await standing(us, eu)).toEqual(before);
  expect(await fleet.json(['connections', 'list'])).toEqual([]);
}, 900_000);
