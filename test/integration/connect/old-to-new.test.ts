import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEntry } from '@remora/shared/model/audit.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import type { EsNode } from '../../elasticsearch/node.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { filesBelow, findSecrets, redisContents } from './canary.ts';
import { ProcessSampler } from './process-sampler.ts';
import { caIsRotated } from './rotations.ts';
import { standingNode } from './standing.ts';
import { everything, fill, restarts, searchAcross, settingsFile, traces } from './traces.ts';

const keystorePassword = `phrase-${randomBytes(12).toString('hex')}`;
const wrongPassword = `wrong-${randomBytes(12).toString('hex')}`;
const elsewhere = { name: 'cluster.remote.elsewhere.credentials', value: randomBytes(30).toString('base64') };

const entry = async (node: EsNode, name: string, password?: string): Promise<string> => {
  const said = await node.keystore(['show', name], password === undefined ? '' : `${password}\n`);
  return said.replace(/^Enter password[^:]*: ?/, '').trim();
};

const ca = 'xpack.security.remote_cluster_server.ssl.keystore';

describe(`8.19.21 to ${await newestVersionHere()}, proxy mode, a nested elasticsearch.yml, a protected keystore, plain HTTP`, () => {
  const stack = new AsyncDisposableStack();
  let us: EsCluster;
  let eu: EsCluster;
  let fleet: Fleet;
  let sampler: ProcessSampler;
  let connect: readonly string[];
  /** Each elasticsearch.yml as it was. */
  let written: Record<string, string>;
  /** What stood there before the connection: files and entries of each node, settings of the cluster, and its plan. */
  let before: ReturnType<typeof nodesNow>;
  let clusterSettings: unknown;
  let planned: Plan;
  /** What stood there when only us-1 was done, by a run with --limit. */
  let partly: ReturnType<typeof nodesNow>;

  const nodesNow = () => {
    const [remote, local] = [us.nodes[0] as EsNode, eu.nodes[0] as EsNode];
    return { 'us-1': standingNode(remote), 'eu-1': standingNode(local, keystorePassword) };
  };

  const setPassword = (password: string) =>
    fleet.json(['secrets', 'set', 'keystore-password/eu', '--file', '-'], { stdin: `${password}\n` });

  beforeAll(async () => {
    const [started, clusters] = await Promise.all([
      Fleet.start(),
      startClusters(
        { name: 'us', style: 'nested' },
        {
          ...{ name: 'eu', version: '8.19.21', http: 'http', keystorePassword },
          keystoreEntries: { [elsewhere.name]: elsewhere.value },
        },
      ),
    ]);
    fleet = started;
    [us, eu] = clusters as [EsCluster, EsCluster];
    sampler = new ProcessSampler();
    stack.defer(() => void sampler.stop());
    for (const one of [us, eu, fleet]) stack.use(one);
    await fill(us, 'logs-1', 1);
    for (const cluster of [us, eu]) await fleet.add(cluster);
    written = Object.fromEntries([...us.nodes, ...eu.nodes].map((node) => [node.name, settingsFile(node)]));
    const address = `127.0.0.1:${us.nodes[0]?.remoteClusterPort}`;
    connect = [
      ...['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--accept-outage'],
      ...['--mode', 'proxy', '--proxy-address', address],
    ];
  });

  afterAll(() => stack.disposeAsync());

  test('without the password of the keystore, or with a wrong one, nothing is changed', async () => {
    const before = traces(us, eu);
    const missing = await fleet.cli([...connect, '--yes']);
    expect(missing.code).toBe(64);
    expect(missing.stderr).toMatch(
      /The keystore of node eu-1 \(cluster eu\) cannot be read: .*store it with `remora secrets set keystore-password\/eu --file FILE`/,
    );
    await setPassword(wrongPassword);
    const wrong = await fleet.cli([...connect, '--yes']);
    expect(wrong.code).toBe(64);
    expect(wrong.stderr).toMatch(
      /The keystore of node eu-1 \(cluster eu\) cannot be read: .* is wrong\. .*correct it with `remora secrets set/,
    );
    expect(traces(us, eu)).toEqual(before);
    expect(await us.call('GET', '/_security/api_key?name=remora-*')).toEqual({ api_keys: [] });
    expect(await fleet.json(['runs', 'list'])).toEqual([]);
  });

  test('with the right one the connection is made, and a search crosses it', async () => {
    await setPassword(keystorePassword);
    before = nodesNow();
    clusterSettings = await eu.call('GET', '/_cluster/settings?flat_settings=true');
    const shown = await fleet.cli([...connect, '--check', '--diff', '--json']);
    expect(shown.code).toBe(2);
    planned = JSON.parse(shown.stdout);
    expect(planned).toMatchObject({
      restarts: ['us-1', 'eu-1'],
      outages: [/cluster us has one node/i, /cluster eu has one node/i].map((why) => expect.stringMatching(why)),
    });
    // Two runs: that of one node alone, and of what it left.
    const limited = await fleet.json<Run>([...connect, '--limit', 'us-1', '--yes']);
    expect(limited).toMatchObject({ status: 'succeeded', restarts: ['us-1'] });
    partly = nodesNow();
    expect(partly['eu-1']).toEqual(before['eu-1']);
    const run = await fleet.json<Run>([...connect, '--yes']);
    expect(run).toMatchObject({ status: 'succeeded', restarts: ['eu-1'] });
    expect(restarts(us, eu)).toEqual({ 'us-1': 1, 'eu-1': 1 });
    const answer = await searchAcross(eu, 'us');
    expect(answer._clusters).toMatchObject({ successful: 1, skipped: 0 });
    expect(answer.hits.total.value).toBe(1);
    expect(await eu.call('GET', '/_remote/info')).toMatchObject({ us: { mode: 'proxy', connected: true } });
    expect((await fleet.cli([...connect, '--check'])).code).toBe(0);
  });

  test('what was in keystore and elasticsearch.yml before is there still, byte by byte', async () => {
    const [local, remote] = [eu.nodes[0] as EsNode, us.nodes[0] as EsNode];
    const names = (await local.keystore(['list'], `${keystorePassword}\n`)).split('\n').map((name) => name.trim());
    for (const name of ['bootstrap.password', 'keystore.seed', elsewhere.name]) expect(names.join()).toContain(name);
    expect(await entry(local, elsewhere.name, keystorePassword)).toBe(elsewhere.value);
    expect(await entry(local, 'bootstrap.password', keystorePassword)).toBe(eu.password);
    expect(await entry(remote, 'bootstrap.password')).toBe(us.password);
    for (const node of [local, remote]) expect(settingsFile(node).startsWith(written[node.name] ?? '?')).toBe(true);
    expect(written['us-1']).toMatch(/^discovery:\n +type: single-node/m);
  });

  test('no secret is anywhere but where it belongs', async () => {
    const [local, remote] = [eu.nodes[0] as EsNode, us.nodes[0] as EsNode];
    const encoded = await entry(local, 'cluster.remote.us.credentials', keystorePassword);
    const p12Path = /path: (\S+\.p12)/.exec(settingsFile(remote))?.[1] ?? '';
    const secrets = {
      'password of us': us.password,
      'password of eu': eu.password,
      'keystore password': keystorePassword,
      'wrong keystore password': wrongPassword,
      'encoded API key': encoded,
      'API key': Buffer.from(encoded, 'base64').toString().split(':')[1] ?? '',
      'password of the p12': await entry(remote, `${ca}.secure_password`),
      p12: readFileSync(join(remote.configDir, p12Path)),
      'admin token': readFileSync(join(fleet.dataDirectory, 'admin.token'), 'utf8').trim(),
      ...Object.fromEntries(fleet.joinTokens.map((token, i) => [`join token ${i}`, token])),
      ...Object.fromEntries(fleet.joinTokens.map((token, i) => [`secret of join token ${i}`, secretOf(token)])),
      'entry of somebody else': elsewhere.value,
      'sealing key': readFileSync(join(fleet.dataDirectory, 'sealing.key')),
      'a private key': 'PRIVATE KEY-----',
    };
    for (const [name, value] of Object.entries(secrets)) expect(value.length, name).toBeGreaterThan(10);

    const [run] = await fleet.json<Run[]>(['runs', 'list']);
    const places = {
      ...filesBelow(fleet.directory),
      ...(await redisContents(fleet.dataDirectory)),
      'events of the run': await fleet.api(`/runs/${run?.runId}/events`),
      run: JSON.stringify(run),
      'output of commands': fleet.outputs.join('\n'),
      ...sampler.stop(),
    };
    // What must be found proves that the search can find: in the files of Redis, its keys, the events and the arguments.
    const found = findSecrets({ control: 'secret:connection/eu/us/api-key' }, places);
    expect(found.some((one) => one.endsWith('.aof holds control'))).toBe(true);
    expect(found).toContain(`redis remora:run:${run?.runId}:plan holds control`);
    expect(places['events of the run']).toContain('create-api-key');
    // Not by toContain: what fails prints its subject, and these are the environments of a whole machine.
    expect(/ add -x -f cluster\.remote\.us\.credentials/.test(places.cmdline)).toBe(true);
    expect(places.environ.includes(`ES_PATH_CONF=${local.configDir}`)).toBe(true);

    expect(findSecrets(secrets, places).filter((one) => !belongs.some((pattern) => pattern.test(one)))).toEqual([]);
  });

  test('a CA takes the place of another without a restart, and that is taken back, compared one by one', async () => {
    const standing = nodesNow();
    await caIsRotated({ fleet, us, eu, made: { 'us-1': 1, 'eu-1': 1 } });
    expect(nodesNow()).toEqual(standing);
    expect((await fleet.cli([...connect, '--check'])).code).toBe(0);
  });

  test('rolled back, everything is as before, compared one by one, and would be planned again as before', async () => {
    const runs = await fleet.json<Run[]>(['runs', 'list']);
    const [connected, limited] = runs.filter(({ workflow }) => workflow === 'connect').map(({ runId }) => runId);
    const rollback = (runId = ''): string[] => ['runs', 'rollback', runId, '--accept-outage'];
    // Somebody's own entry and setting, made since: they are no part of it.
    const [local, remote] = [eu.nodes[0] as EsNode, us.nodes[0] as EsNode];
    await remote.keystore(['add', '-x', '-f', ...Object.keys(later)], `${Object.values(later)}\n`);
    // An agent notes what others wrote when it first looks.
    await fleet.cli([...connect, '--check']);
    const standing = await everything(fleet, us, eu);
    const checked = await fleet.cli([...rollback(connected), '--check', '--diff', '--json']);
    expect(checked.code, checked.stderr).toBe(2);
    const plan = JSON.parse(checked.stdout) as Plan;
    expect(plan.restarts).toEqual(['eu-1']);
    expect(plan.warnings).toEqual([]);
    expect([...new Set(plan.steps.map(({ kind }) => kind))]).toEqual([
      ...['cluster-settings.put', 'node.change', 'api-key.invalidate', 'inventory.put-back', 'run.rollback'],
    ]);
    const early = await fleet.cli([...rollback(limited), '--yes']);
    expect(early.code).toBe(64);
    expect(early.stderr).toContain(`Roll that one back first with \`remora runs rollback ${connected}\``);
    const unaccepted = await fleet.cli(['runs', 'rollback', connected ?? '', '--yes']);
    expect(unaccepted.code).toBe(64);
    expect(await everything(fleet, us, eu)).toEqual(standing);

    const run = await fleet.json<Run>([...rollback(connected), '--yes']);
    expect([run.status, run.workflow, run.restarts]).toEqual(['succeeded', 'rollback', ['eu-1']]);
    expect(await fleet.json<Run>(['runs', 'show', connected ?? ''])).toMatchObject({
      status: 'rolled_back',
      rollback: run.runId,
    });
    expect(nodesNow()).toEqual({ ...before, 'us-1': withLater(partly['us-1']) });
    expect(await fleet.json(['ca', 'list'])).toMatchObject([{ name: expect.any(String) }]);
    const rest = await fleet.json<Run>([...rollback(limited), '--yes']);
    expect([rest.status, rest.restarts]).toEqual(['succeeded', ['us-1']]);
    expect(restarts(us, eu)).toEqual({ 'us-1': 2, 'eu-1': 2 });
    for (const node of [local, remote]) expect(settingsFile(node)).toBe(written[node.name]);
    expect(nodesNow()).toEqual({ ...before, 'us-1': withLater(before['us-1']) });
    const made = Object.keys(partly['us-1'].entries).filter((name) => !(name in before['us-1'].entries));
    expect(made).toEqual([`${ca}.secure_password`]);
    expect(await entry(local, elsewhere.name, keystorePassword)).toBe(elsewhere.value);
    expect(await eu.call('GET', '/_cluster/settings?flat_settings=true')).toEqual(clusterSettings);
    expect(await eu.call('GET', '/_remote/info')).toEqual({});
    const keys = (await us.call('GET', '/_security/api_key?name=remora-*')) as { api_keys: { invalidated: boolean }[] };
    expect(keys.api_keys.map(({ invalidated }) => invalidated)).toEqual([true]);
    expect(await fleet.json(['connections', 'list'])).toEqual([]);
    expect(await fleet.json(['ca', 'list'])).toEqual([]);
    const audit = await fleet.json<AuditEntry[]>(['audit', 'list', '--limit', '100']);
    const taken = audit.filter(
      ({ action, runId }) => action === 'run.rollback' && [connected, limited].includes(runId ?? ''),
    );
    expect(taken).toMatchObject([
      { runId: limited, actor: 'admin' },
      { runId: connected, actor: 'admin' },
    ]);

    const again = await fleet.cli([...connect, '--check', '--diff', '--json']);
    expect(withoutVersions(JSON.parse(again.stdout))).toEqual(withoutVersions(planned));
    const twice = await fleet.cli([...rollback(connected), '--yes']);
    expect(twice.code).toBe(64);
    expect(twice.stderr).toContain(`run ${run.runId} did that already`);
  });
});

const later = { 'cluster.remote.later.credentials': 'theirs' };

const withLater = <N extends { readonly entries: object }>(node: N): N => ({
  ...node,
  entries: { ...node.entries, ...later },
});

/** What a plan does; the versions of secrets go on, since none is ever used for two values. */
const withoutVersions = ({ steps, restarts, outages }: Plan): unknown =>
  JSON.parse(JSON.stringify({ steps, restarts, outages }).replace(/@\d+/g, '@N'));

const secretOf = (joinToken: string): string =>
  String(JSON.parse(Buffer.from(joinToken.split('.')[1] ?? '', 'base64url').toString()).s);

/** Files that are there to hold it; those with which this test gave passwords; a file that an agent placed, while its journal keeps it. */
const belongs = [
  /^coordinator\/admin\.token holds admin token$/,
  /^coordinator\/sealing\.key holds sealing key$/,
  /^(coordinator\/(fleet-ca|server)\.key|agent-\S+\/identity\.pem) holds a private key$/,
  /^(us|eu)\.password holds password of (us|eu)$/,
  /^agent-us-1\/journal\/\S+\/after\/\d+ holds p12$/,
];
