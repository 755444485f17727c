import type { AuditEntry, AuditVerdict } from '@remora/shared/model/audit.ts';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import { sharedPair } from '../../elasticsearch/shared-pair.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { SearchLoop } from './search-loop.ts';
import { everything, fill, patched, restarts, searchAcross, settingsFile } from './traces.ts';

const DOCUMENTS = 20;
const connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*'];
const handwritten = ['# who to ask: search-team', 'action.auto_create_index: true # agreed in 2019'];
const nodes = ['us-1', 'us-2', 'us-3', 'eu-1', 'eu-2', 'eu-3'];
const each = (count: number): Record<string, number> => Object.fromEntries(nodes.map((node) => [node, count]));

const masterOf = async (cluster: EsCluster): Promise<string | undefined> => {
  const [master] = (await cluster.call('GET', '/_cat/master?format=json')) as { node: string }[];
  return master?.node;
};

const allocationOf = (cluster: EsCluster): Promise<unknown> =>
  cluster.call('GET', '/_cluster/settings?filter_path=*.cluster.routing');

describe(`${await newestVersionHere()} to the same, sniff mode, three nodes each, HTTPS`, () => {
  const stack = new AsyncDisposableStack();
  let us: EsCluster;
  let eu: EsCluster;
  let fleet: Fleet;

  beforeAll(async () => {
    const settings = handwritten;
    const [started, clusters] = await Promise.all([
      Fleet.start(),
      startClusters({ name: 'us', nodes: 3, settings }, { name: 'eu', nodes: 3, settings }),
    ]);
    fleet = started;
    [us, eu] = clusters as [EsCluster, EsCluster];
    for (const one of [us, eu, fleet]) stack.use(one);
    await Promise.all([fill(us, 'logs-1', DOCUMENTS), fill(eu, 'own-1', DOCUMENTS)]);
    await us.call('PUT', '/_cluster/settings', { persistent: { 'cluster.routing.allocation.enable': 'all' } });
    for (const cluster of [us, eu]) await fleet.add(cluster);
  });

  afterAll(() => stack.disposeAsync());

  const checked = async (command: readonly string[]): Promise<Plan> => {
    const before = await everything(fleet, us, eu);
    const answer = await fleet.cli([...command, '--check', '--diff', '--json']);
    expect(await everything(fleet, us, eu)).toEqual(before);
    expect(answer.code).toBe(2);
    return JSON.parse(answer.stdout) as Plan;
  };
  /** Each elasticsearch.yml as the plan of the first connect says that it will be. */
  const foretold: Record<string, string> = {};

  test('the plan says what it will do, and making it changes nothing', async () => {
    // An agent that looks at its keystore for the first time notes in its ledger what is there.
    expect((await fleet.cli([...connect, '--check'])).code).toBe(2);
    const plan = await checked(connect);
    expect(plan.stages.map(({ mode }) => mode)).toContain('roll');
    expect(plan.estimate).toMatchObject({ seconds: null, unknown: plan.restarts });
    for (const node of [...us.nodes, ...eu.nodes]) {
      const step = plan.steps.find(({ kind, target }) => kind === 'node.change' && target === node.name);
      expect(step?.diff).toContain('--- elasticsearch.yml\n+++ elasticsearch.yml\n@@ ');
      const diff = step?.diff.split(/^(?=--- elasticsearch)|\n(?=[ +-] keystore)/m)[1] ?? '';
      foretold[node.name] = patched(settingsFile(node), diff);
    }
    const certificate = plan.steps.find(({ kind }) => kind === 'certificate.issue');
    expect(certificate?.diff).toMatch(/^\+ certificate CN=us-1\n\+ {3}SANs DNS:.*\n(.*\n)*\+ {3}valid for 365 days/);
    const shown = await fleet.cli(['plans', 'show', plan.planId]);
    for (const part of [plan.hash, 'format 1', '+++ elasticsearch.yml', 'Roll the remote cluster (node by node'])
      expect(shown.stdout).toContain(part);
  });

  test('connect under search load: no outage, one restart a node, the elected master last', async () => {
    const before = { us: await allocationOf(us), eu: await allocationOf(eu) };
    const masters = [await masterOf(us), await masterOf(eu)];
    const load = new SearchLoop([
      { cluster: us, index: 'logs-1', documents: DOCUMENTS },
      { cluster: eu, index: 'own-1', documents: DOCUMENTS },
    ]);
    const run = await fleet.json<Run>([...connect, '--yes']).finally(() => load.stop());
    const reports = await load.stop();

    expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
    // Each node was asked while it was down.
    for (const { searches, retried } of reports)
      expect(searches > 50 && retried >= 3, `${searches}/${retried}`).toBe(true);
    expect(run.status).toBe('succeeded');
    expect(restarts(us, eu)).toEqual(each(1));
    expect([...run.restarts].sort()).toEqual([...nodes].sort());
    expect([run.restarts[2], run.restarts[5]]).toEqual(masters);
    expect({ us: await allocationOf(us), eu: await allocationOf(eu) }).toEqual(before);
    expect(before.us).toEqual({ persistent: { cluster: { routing: { allocation: { enable: 'all' } } } } });
    expect(before.eu).toEqual({});

    const entries = await fleet.json<AuditEntry[]>(['audit', 'list', '--limit', '200']);
    const restarted = entries.filter(({ action, runId }) => action === 'node.restart' && runId === run.runId);
    expect(restarted.map(({ target }) => target.split('/')[1]).reverse()).toEqual(run.restarts);
    expect(entries[0]).toMatchObject({ action: 'run.end', outcome: 'succeeded', runId: run.runId });
    expect(await fleet.json<AuditVerdict>(['audit', 'verify'])).toMatchObject({ ok: true, problem: null });
  }, 900_000);

  test('a search crosses from every local node, and none is skipped', async () => {
    for (const node of eu.nodes.keys()) {
      const answer = await searchAcross(eu, 'us', node);
      expect(answer._clusters).toMatchObject({ successful: 1, skipped: 0 });
      expect(answer.hits.total.value).toBe(DOCUMENTS);
    }
    const [view] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'us']);
    expect(view?.proof).toEqual(
      ['eu-1', 'eu-2', 'eu-3'].map((node) => ({ node, ok: true, state: 'ok', error: null, hint: null })),
    );
  });

  test('each elasticsearch.yml is what the plan said, and what people wrote is still there', () => {
    for (const node of [...us.nodes, ...eu.nodes]) expect(settingsFile(node)).toBe(foretold[node.name]);
    for (const node of [...us.nodes, ...eu.nodes])
      for (const line of ['# Kept by hand: this comment must survive.', ...handwritten])
        expect(settingsFile(node).split('\n')).toContain(line);
  });

  test('the same connect again has nothing to do', async () => {
    const answer = await fleet.cli([...connect, '--check', '--json']);
    expect(answer.code).toBe(0);
    expect(JSON.parse(answer.stdout)).toMatchObject({ steps: [], restarts: [], outages: [] });
  });

  test('other values are an update: shown as a diff, made without a restart', async () => {
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
    expect(restarts(us, eu)).toEqual(each(1));
    await us.call('PUT', '/metrics-1/_doc/1?refresh=true', { value: 1 });
    expect(await eu.call('GET', '/us:metrics-*/_search')).toMatchObject({ hits: { total: { value: 1 } } });
    const info = await eu.call('GET', '/_remote/info');
    expect(info).toMatchObject({ us: { connected: true, skip_unavailable: false } });
    expect((await fleet.cli([...update, '--check'])).code).toBe(0);
    expect((await fleet.cli([...connect, '--check'])).code).toBe(2);
  });

  test('a key that was invalidated behind our back: said with reason and hint, and mended by another connect', async () => {
    const before = await fleet.json<ConnectionView>(['connections', 'show', 'eu', 'us']);
    await us.call('DELETE', '/_security/api_key', { ids: [before.key?.id] });
    const checked = await fleet.cli(['connections', 'check', 'eu', 'us', '--json']);
    expect(checked.code).toBe(1);
    const [view] = JSON.parse(checked.stdout) as ConnectionView[];
    expect(view?.connected).toBe(false);
    for (const proof of view?.proof ?? []) {
      expect(proof).toMatchObject({ ok: false, state: 'failed' });
      expect(proof.error).toMatch(/has been invalidated|unable to authenticate user/);
      expect(proof.hint).toMatch(/run connect again, which makes a new one/);
    }

    const run = await fleet.json<Run>([...connect, '--skip-unavailable', 'false', '--yes']);
    expect(run).toMatchObject({ status: 'succeeded', restarts: [] });
    const kinds = run.steps.map(({ kind }) => kind);
    for (const kind of ['api-key.create', 'node.change', 'secure-settings.reload', 'connection.prove'])
      expect(kinds).toContain(kind);
    expect(restarts(us, eu)).toEqual(each(1));
    const [after] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'us']);
    expect(after?.connected).toBe(true);
    expect(after?.key?.id).not.toBe(before.key?.id);
    for (const node of eu.nodes.keys()) expect((await searchAcross(eu, 'us', node)).hits.total.value).toBe(DOCUMENTS);
  });

  test('an alias that leads elsewhere is refused, whoever made it', async () => {
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
    expect(restarts(us, eu)).toEqual(each(1));
  });

  test('a cluster is restarted one by one under search load: the first node, then, when told, the others', async () => {
    const refused = await fleet.cli(['restart', 'us', '--limit', 'us-9', '--yes']);
    expect(refused.code).toBe(64);
    expect(refused.stderr).toContain('Cluster us has no node "us-9": it has us-1, us-2, us-3.');
    const plan = await checked(['restart', 'us']);
    expect([...plan.restarts].sort()).toEqual(['us-1', 'us-2', 'us-3']);
    // Measured when they were restarted for the connection.
    expect(plan.estimate).toMatchObject({ seconds: expect.any(Number), unknown: [] });
    expect(plan.estimate.text).toMatch(/^about .* from the last restarts of these nodes$/);
    const unpausable = await fleet.cli(['restart', 'us', '--pause', 'slm,ml', '--yes']);
    expect(unpausable.code).toBe(64);
    expect(unpausable.stderr).toMatch(
      /for --pause slm on cluster us: 400: no handler found for uri \[\/_slm\/status\]/,
    );

    const before = await allocationOf(us);
    const load = new SearchLoop([{ cluster: us, index: 'logs-1', documents: DOCUMENTS }]);
    const paused = await fleet.json<Run>(['restart', 'us', '--canary', '--yes']);
    expect(paused).toMatchObject({ status: 'paused', restarts: [expect.stringMatching(/^us-/)] });
    expect(await allocationOf(us)).toEqual(before);
    const waiting = await fleet.json<Run>([
      'connect',
      'eu',
      'us',
      '--alias',
      'us',
      '--search',
      'x-*',
      '--yes',
      '--detach',
    ]);
    expect(waiting).toMatchObject({ status: 'waiting', waitingFor: paused.runId });
    expect(await fleet.json<Run>(['runs', 'cancel', waiting.runId])).toMatchObject({ status: 'cancelled' });
    const run = await fleet.json<Run>(['runs', 'continue', paused.runId]).finally(() => load.stop());
    const [report] = await load.stop();
    expect(report?.failures).toEqual([]);
    expect(run.status).toBe('succeeded');
    expect(restarts(us, eu)).toEqual({ ...each(1), 'us-1': 2, 'us-2': 2, 'us-3': 2 });
    expect(await allocationOf(us)).toEqual(before);
  }, 900_000);
});
