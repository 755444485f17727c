import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterView, ConnectionView } from '@remora/shared/model/inventory.ts';
import type { KeyBundle } from '@remora/shared/model/keys/key-bundle.ts';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fill, restarts, searchAcross } from '../traces.ts';
import { type Bed, DOCUMENTS } from './bed.ts';
import { CloudDeployment } from './cloud-deployment.ts';

const PASSWORD = 'correct horse battery';

/** A deployment as the local cluster: by its cloud's API and its own, without an agent. Each test goes on where the one before ended. */
export const deploymentSuite = (bed: () => Bed): void => {
  let cloud: CloudDeployment;
  let before: unknown;
  beforeAll(async () => {
    cloud = await CloudDeployment.start();
  });
  afterAll(() => cloud?.[Symbol.asyncDispose]());

  const json = <T>(...args: readonly string[]): Promise<T> => bed().fleet.json<T>([...args]);
  const refusal = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await bed().fleet.cli([...args]);
    expect(code, stderr).toBe(64);
    return stderr;
  };
  const proxy = (): string[] => [
    ...['--mode', 'proxy', '--proxy-address', `127.0.0.1:${bed().us.nodes[0]?.remoteClusterPort}`],
    ...['--server-name', 'localhost', '--search', 'logs-*', '--expires', '30d'],
  ];
  const connect = (...more: readonly string[]): string[] => [
    'connect',
    'logs',
    'us',
    '--alias',
    'us',
    ...proxy(),
    ...more,
  ];
  const planned = async (): Promise<Plan> =>
    JSON.parse((await bed().fleet.cli([...connect('--check'), '--json'])).stdout) as Plan;
  const search = async (): Promise<number> => (await searchAcross(cloud.logs, 'us')).hits.total.value;
  const side = async (): Promise<unknown> => {
    const { keystore, trust } = cloud.deployment;
    const settings = await cloud.logs.call('GET', '/_cluster/settings?flat_settings');
    return structuredClone({ keystore, direct: trust.direct ?? [], settings });
  };

  test('it is a cluster without agents, found by its cloud, and what takes agents is refused by name', async () => {
    const { fleet } = bed();
    const { api, logs, deployment } = cloud;
    const [key, password] = ['cloud-key', 'logs.password'].map((name) => join(fleet.directory, name)) as [
      string,
      string,
    ];
    await writeFile(key, `${api.apiKey}\n`);
    await writeFile(password, logs.password);
    await json('clouds', 'add', 'acme', '--api-key-file', key, '--url', api.url);
    const add = ['clusters', 'add', 'logs', '--cloud', 'acme', '--ca', logs.caPath];
    const user = ['--user', logs.user, '--password-file', password];
    expect(await refusal(...add, ...user)).toContain('--cloud and --deployment go together');
    expect(await json<ClusterView>(...add, '--deployment', 'd1', ...user)).toMatchObject({
      ...{ name: 'logs', urls: [deployment.endpoint], nodes: 1, deployment: { cloud: 'acme', id: 'd1' } },
    });
    for (const [command, sentence] of [
      [['tokens', 'create', '--cluster', 'logs'], 'is a deployment of Elastic Cloud'],
      [['restart', 'logs', '--yes'], 'its nodes have no agents'],
      [['certs', 'place', '--cluster', 'logs', '--purpose', 'http', '--ca', 'x', '--yes'], 'its nodes have no agents'],
      [['certs', 'rotate', '--cluster', 'logs', '--due', '--yes'], 'its nodes have no agents'],
      [['trust-restrictions', 'set', 'logs', '--allow', '*.node.a.cluster.b.account', '--yes'], 'no agents'],
      [['trust-restrictions', 'remove', 'logs', '--yes'], 'its nodes have no agents'],
      [['adopt', 'logs', 'us', '--yes'], 'its nodes have no agents'],
      [['migrate', 'logs', 'us', '--to', 'api_key', '--search', '*', '--yes'], 'its nodes have no agents'],
      [['connect', 'logs', 'us', '--alias', 'us', '--auth', 'certificate', '--yes'], 'its nodes have no agents'],
      [
        ['schedules', 'add', 'nightly', '--cron', '0 3 * * *', '--do', 'rotate-expiring', '--cluster', 'logs'],
        'no agents',
      ],
      [[...add.with(2, 'again'), '--deployment', 'd1', ...user], 'is known as cluster "logs" already'],
      [
        ['connect', 'eu', 'logs', '--alias', 'cloud', '--search', '*', '--yes'],
        "remora api-keys create logs --for eu --search '*' --out BUNDLE",
      ],
      [['connect', 'logs', 'us', '--alias', 'us', '--search', '*', '--yes'], 'which connects in proxy mode only'],
      [['clouds', 'remove', 'acme', '--yes'], 'Cluster logs is a deployment of cloud acme'],
    ] as const)
      expect(await refusal(...command)).toContain(sentence);
    before = await side();
  });

  test('it is connected with nothing restarted, and a rollback leaves it as it was', async () => {
    const { us } = bed();
    const started = restarts(us);
    const plan = await planned();
    expect(plan.steps.map(({ kind, target }) => `${kind} ${target}`)).toEqual([
      'connection.record coordinator',
      'api-key.create us',
      'cloud.trust logs',
      'cloud.key logs',
      'cluster-settings.put logs',
      'connection.prove logs',
    ]);
    expect(await side()).toEqual(before);
    const run = await json<Run>(...connect('--yes'));
    expect([run.status, await search(), restarts(us)]).toEqual(['succeeded', DOCUMENTS, started]);
    expect(cloud.logs.nodes[0]?.starts()).toBe(1);
    expect((await planned()).steps).toEqual([]);
    expect(await json<Run>('runs', 'rollback', run.runId, '--yes')).toMatchObject({ status: 'succeeded' });
    expect(await side()).toEqual(before);
  });

  test('it is connected again, proven by a request that Elasticsearch answers, and lists like others', async () => {
    expect(await json<Run>(...connect('--yes'))).toMatchObject({ status: 'succeeded' });
    expect(await search()).toBe(DOCUMENTS);
    const [view] = await json<ConnectionView[]>('connections', 'check', 'logs', 'us');
    expect(view).toMatchObject({ remote: 'us', connected: true, managed: true, mode: 'proxy', paths: [] });
    expect(view?.proof).toEqual([{ node: 'logs', ok: true, state: 'ok', error: null, hint: null }]);
    expect(await json<ConnectionView>('connections', 'show', 'logs', 'us')).toMatchObject({
      setUp: { cas: ['us-remote'], settings: { 'cluster.remote.us.server_name': 'localhost' } },
    });
    const { stdout } = await bed().fleet.cli(['doctor']);
    expect(stdout).toContain('deployment logs');
  });

  test('other settings are an update, which a rollback takes back, and the connection is proven after it', async () => {
    const changed = await json<Run>(...connect('--skip-unavailable', 'false', '--yes'));
    expect(changed.steps.map(({ kind }) => kind)).toEqual([
      ...['connection.record', 'cluster-settings.put', 'connection.prove'],
    ]);
    const back = await json<Run>('runs', 'rollback', changed.runId, '--yes');
    expect([back.status, back.steps.map(({ kind }) => kind)]).toEqual([
      'succeeded',
      ['cluster-settings.put', 'connection.prove', 'inventory.put-back', 'run.rollback'],
    ]);
    expect(await search()).toBe(DOCUMENTS);
  });

  test('its key is replaced without a gap, and the old one ends', async () => {
    const { us } = bed();
    const key = (await json<ConnectionView>('connections', 'show', 'logs', 'us')).key;
    const run = await json<Run>('api-keys', 'rotate', 'logs', 'us', '--grace', '0s', '--yes');
    expect([run.status, await search()]).toEqual(['succeeded', DOCUMENTS]);
    const { api_keys: keys } = (await us.call('GET', `/_security/api_key?id=${key?.id}`)) as {
      readonly api_keys: readonly { readonly invalidated: boolean }[];
    };
    expect(keys.map(({ invalidated }) => invalidated)).toEqual([true]);
  });

  test('a role of it narrows what the key grants', async () => {
    const { fleet } = bed();
    const password = join(fleet.directory, 'cara.password');
    await writeFile(password, `${PASSWORD}\n`);
    const role = ['roles', 'apply', 'logs', 'us', '--name', 'logs-reader', '--search', 'logs-*'];
    const run = await json<Run>(...role, '--user', 'cara', '--password-file', password, '--yes');
    expect(run.status).toBe('succeeded');
    const asked = { user: 'cara', password: PASSWORD };
    expect(await cloud.logs.call('GET', '/us:logs-*/_search', undefined, asked)).toMatchObject({
      ...{ _clusters: { successful: 1, skipped: 0 }, hits: { total: { value: DOCUMENTS } } },
    });
    expect(await json<Run>('runs', 'rollback', run.runId, '--yes')).toMatchObject({ status: 'succeeded' });
  });

  test('a key of it is made for others, whose bundle says how it is reached, and connects from every node', async () => {
    const { fleet, eu } = bed();
    const [own, given] = ['logs.json', 'logs-given.json'].map((name) => join(fleet.directory, name)) as [
      string,
      string,
    ];
    const create = ['api-keys', 'create', 'logs', '--for', 'eu', '--search', 'logs-*', '--yes', '--out'];
    const made = await json<Run>(...create, own);
    expect([made.status, made.steps.map(({ kind }) => kind)]).toEqual(['succeeded', ['api-key.create']]);
    const bundle = JSON.parse(await readFile(own, 'utf8')) as KeyBundle;
    expect(bundle).toMatchObject({ mode: 'proxy', seeds: [], ca: null, for: 'eu' });
    expect([bundle.proxyAddress, bundle.serverName]).toEqual(['localhost:9443', 'localhost']);

    const port = cloud.logs.nodes[0]?.remoteClusterPort;
    const way = ['--mode', 'proxy', '--proxy-address', `127.0.0.1:${port}`, '--server-name', 'localhost'];
    const again = await json<Run>(...create, given, ...way, '--server-ca', cloud.logs.caPath);
    expect(again).toMatchObject({ status: 'succeeded', steps: [] });
    await fill(cloud.logs, 'logs-own', DOCUMENTS);
    const connect = ['connect', 'eu', '--alias', 'cloud', '--remote-key-file', given, '--yes'];
    expect(await json<Run>(...connect)).toMatchObject({ status: 'succeeded', restarts: [] });
    for (const node of [0, 1])
      expect(await searchAcross(eu, 'cloud', node)).toMatchObject({ hits: { total: { value: DOCUMENTS } } });
    const listed = await json<KeyView[]>('api-keys', 'list', '--cluster', 'logs');
    expect(listed.find(({ id }) => id === bundle.key.id)).toMatchObject({ for: 'eu', level: 'ok', invalidated: false });

    expect(await json<Run>('api-keys', 'revoke', 'logs', '--for', 'eu', '--yes')).toMatchObject({
      status: 'succeeded',
    });
    const found = await cloud.logs.call('GET', `/_security/api_key?id=${bundle.key.id}`);
    expect(found).toMatchObject({ api_keys: [{ invalidated: true }] });
    expect(await json<Run>('disconnect', 'eu', 'cloud', '--yes')).toMatchObject({ status: 'succeeded' });
    expect(fleet.outputs.join('\n')).not.toContain(bundle.key.encoded);
  });

  test('a run that made such a key is taken back: it lets nobody in any more', async () => {
    const out = join(bed().fleet.directory, 'logs-again.json');
    const made = await json<Run>('api-keys', 'create', 'logs', '--for', 'ap', '--search', '*', '--out', out, '--yes');
    expect(await json<Run>('runs', 'rollback', made.runId, '--yes')).toMatchObject({ status: 'succeeded' });
    const { key } = JSON.parse(await readFile(out, 'utf8')) as KeyBundle;
    const found = await cloud.logs.call('GET', `/_security/api_key?id=${key.id}`);
    expect(found).toMatchObject({ api_keys: [{ invalidated: true }] });
  });

  test('disconnect leaves it as it was, and ends the key', async () => {
    const { fleet, us } = bed();
    const key = (await json<ConnectionView>('connections', 'show', 'logs', 'us')).key;
    const run = await json<Run>('disconnect', 'logs', 'us', '--yes');
    expect([run.status, run.restarts, await side()]).toEqual(['succeeded', [], before]);
    const found = await us.call('GET', `/_security/api_key?id=${key?.id}`);
    expect(found).toMatchObject({ api_keys: [{ invalidated: true }] });
    await json('clusters', 'remove', 'logs', '--yes');
    await json('clouds', 'remove', 'acme', '--yes');
    expect(fleet.outputs.join('\n')).not.toContain(
      String(Object.values(cloud.deployment.keystore)[0] ?? cloud.api.apiKey),
    );
  });
};
