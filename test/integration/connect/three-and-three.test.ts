import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry, AuditVerdict } from '@remora/shared/model/audit.ts';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import type { EsNode } from '../../elasticsearch/node.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { caIsReplaced, certificatesAreReplaced, type RotationBed, untrustedIsTakenBack } from './rotations.ts';
import { SearchLoop } from './search-loop.ts';
import { standing, standingNode, writeSince } from './standing.ts';
import { everything, fill, patched, restarts, searchAcross, settingsFile } from './traces.ts';
import { takenAliasIsRefused, valuesAreUpdated } from './updates.ts';
import { whileDown } from './while-down.ts';
import { allocationOf, listening, masterOf } from './while-rolled.ts';

const DOCUMENTS = 20;
const connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*'];
const handwritten = ['# who to ask: search-team', 'action.auto_create_index: true # agreed in 2019'];
/** Of connections that others made. */
const theirs = {
  entries: { 'cluster.remote.elsewhere.credentials': 'dGhlaXJzOnRoZWlycw==' },
  settings: { 'cluster.remote.elsewhere.seeds': ['127.0.0.1:1'], 'cluster.remote.elsewhere.skip_unavailable': 'true' },
  authorities:
    'xpack.security.remote_cluster_client.ssl.certificate_authorities: [ "transport-ca.crt" ] # of elsewhere',
};
const nodes = ['us-1', 'us-2', 'us-3', 'eu-1', 'eu-2', 'eu-3'];
const each = (count: number): Record<string, number> => Object.fromEntries(nodes.map((node) => [node, count]));

describe(`${await newestVersionHere()} to the same, sniff mode, three nodes each, HTTPS`, () => {
  const stack = new AsyncDisposableStack();
  let us: EsCluster;
  let eu: EsCluster;
  let fleet: Fleet;
  /** Second in the roll of us: something else has its port, so it does not start with the change. */
  let victim: EsNode;
  let taken: Server;
  /** What stood there before the connection. */
  let before: Awaited<ReturnType<typeof standing>>;
  let connected: Run;
  /** How often each node was restarted for the connection. */
  let made: Record<string, number>;

  beforeAll(async () => {
    const settings = handwritten;
    const keystoreEntries = theirs.entries;
    const [started, clusters] = await Promise.all([
      Fleet.start(),
      startClusters(
        { name: 'us', nodes: 3, settings, keystoreEntries },
        { name: 'eu', nodes: 3, settings: [...settings, theirs.authorities], keystoreEntries },
      ),
    ]);
    fleet = started;
    [us, eu] = clusters as [EsCluster, EsCluster];
    for (const one of [us, eu, fleet]) stack.use(one);
    await Promise.all([
      ...[fill(us, 'logs-1', DOCUMENTS), fill(eu, 'own-1', DOCUMENTS)],
      us.call('PUT', '/_cluster/settings', { persistent: { 'cluster.routing.allocation.enable': 'all' } }),
      eu.call('PUT', '/_cluster/settings', { persistent: theirs.settings }),
      us.call('POST', '/_security/cross_cluster/api_key', {
        ...{ name: 'theirs', access: { search: [{ names: ['logs-*'] }] } },
      }),
      ...[us, eu].map((cluster) => fleet.add(cluster)),
    ]);
    before = await standing(us, eu);
    // An agent that looks at its keystore for the first time notes in its ledger what is there.
    const first = await fleet.cli([...connect, '--check', '--json']);
    expect(first.code, first.stderr).toBe(2);
    const [, second] = (JSON.parse(first.stdout) as Plan).restarts;
    victim = us.nodes.find(({ name }) => name === second) as EsNode;
    taken = await listening(victim.remoteClusterPort);
    stack.defer(() => void taken.close());
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
    const plan = await checked(connect);
    expect(plan.warnings.join()).toContain(`Something listens at 127.0.0.1:${victim.remoteClusterPort} already`);
    expect(plan.stages.map(({ mode }) => mode)).toContain('roll');
    expect(plan.estimate).toMatchObject({ seconds: null, unknown: plan.restarts });
    for (const node of [...us.nodes, ...eu.nodes]) {
      const step = plan.steps.find(({ kind, target }) => kind === 'node.change' && target === node.name);
      expect(step?.diff).toContain('--- elasticsearch.yml\n+++ elasticsearch.yml\n@@ ');
      const diff = step?.diff.split(/^(?=--- elasticsearch)|\n(?=[ +-] keystore)/m)[1] ?? '';
      foretold[node.name] = patched(settingsFile(node), diff);
    }
    const certificate = plan.steps.find(({ kind, target }) => kind === 'certificate.issue' && target === 'us-1');
    expect(certificate?.diff).toMatch(/^\+ certificate CN=us-1\n\+ {3}SANs DNS:.*\n(.*\n)*\+ {3}valid for 365 days/);
    const shown = await fleet.cli(['plans', 'show', plan.planId]);
    for (const part of [plan.hash, 'format 1', '+++ elasticsearch.yml', 'Roll the remote cluster (node by node'])
      expect(shown.stdout).toContain(part);
  });

  const nodeOf = (name: string): EsNode => [...us.nodes, ...eu.nodes].find((node) => node.name === name) as EsNode;

  /** Until the agent, alone, has started the node that refused its change with what it had before. */
  const isBack = async (node: EsNode, starts: number): Promise<void> => {
    while (node.starts() < starts || node.pid() === undefined) await sleep(100);
    await us.waitUntilReady();
  };

  test('connect under search load, with a node that refuses its change while the coordinator is dead: no outage, and resume goes on', async () => {
    const allocation = { us: await allocationOf(us), eu: await allocationOf(eu) };
    const masters = [await masterOf(us), await masterOf(eu)];
    const load = new SearchLoop([
      { cluster: us, index: 'logs-1', documents: DOCUMENTS },
      { cluster: eu, index: 'own-1', documents: DOCUMENTS },
    ]);
    stack.defer(async () => void (await load.stop()));
    const following = fleet.cli([...connect, '--yes', '--json']);
    await whileDown(victim, following);
    await fleet.stopCoordinator('SIGKILL');
    await isBack(victim, 3);
    expect(standingNode(victim)).toEqual(before.nodes[victim.name]);
    const first = us.nodes.find(({ name }) => ![victim.name, masters[0]].includes(name))?.name ?? '';
    const untouched = nodes.filter((name) => name !== first && name !== victim.name);
    const stopped = { ...each(0), [first]: 1, [victim.name]: 2 };
    expect(restarts(us, eu)).toEqual(stopped);

    await fleet.startCoordinator();
    const [begun] = await fleet.json<Run[]>(['runs', 'list']);
    // Who followed it from the beginning may have given up: that is done after 20 s without a coordinator.
    const answer = await fleet.cli(['runs', 'watch', begun?.runId ?? '', '--json']);
    await following;
    expect(answer.code, answer.stderr).toBe(1);
    const failed = JSON.parse(answer.stdout) as Run;
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'step-undone' } });
    for (const part of [
      `Node ${victim.name} of cluster us: the change was taken back`,
      'did not start',
      'already in use',
    ])
      expect(failed.error?.message).toContain(part);
    expect(failed.error?.message).toContain('Everything is as before again.');
    const changes = failed.steps.filter(({ kind }) => kind === 'node.change');
    expect(Object.fromEntries(changes.map(({ target, status }) => [target, status]))).toEqual({
      ...Object.fromEntries(untouched.map((name) => [name, 'pending'])),
      ...{ [first]: 'succeeded', [victim.name]: 'undone' },
    });
    expect(restarts(us, eu)).toEqual(stopped);
    for (const name of untouched) expect(standingNode(nodeOf(name))).toEqual(before.nodes[name]);
    expect({ us: await allocationOf(us), eu: await allocationOf(eu) }).toEqual(allocation);

    taken.close();
    connected = await fleet.json<Run>(['runs', 'resume', failed.runId]);
    const reports = await load.stop();
    expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
    // Each node was asked while it was down.
    for (const { searches, retried } of reports)
      expect(searches > 50 && retried >= 3, `${searches}/${retried}`).toBe(true);
    expect(connected.status).toBe('succeeded');
    made = { ...each(1), [victim.name]: 3 };
    expect(restarts(us, eu)).toEqual(made);
    const { restarts: restarted } = connected;
    expect(restarted.slice(0, 3)).toEqual([first, victim.name, masters[0]]);
    expect([...restarted].sort()).toEqual([...nodes].sort());
    expect(restarted.at(-1)).toBe(masters[1]);
    expect({ us: await allocationOf(us), eu: await allocationOf(eu) }).toEqual(allocation);
    expect(allocation.us).toEqual({ persistent: { cluster: { routing: { allocation: { enable: 'all' } } } } });
    expect(allocation.eu).toEqual({});

    const entries = await fleet.json<AuditEntry[]>(['audit', 'list', '--limit', '200']);
    const audited = entries.filter(({ action, runId }) => action === 'node.restart' && runId === connected.runId);
    // Of the victim the restart that was taken back, and the one that was not.
    const oneByOne = restarted.flatMap((node) => (node === victim.name ? [node, node] : [node]));
    expect(audited.map(({ target }) => target.split('/')[1]).reverse()).toEqual(oneByOne);
    expect(entries[0]).toMatchObject({ action: 'run.end', outcome: 'succeeded', runId: connected.runId });
    expect(await fleet.json<AuditVerdict>(['audit', 'verify'])).toMatchObject({ ok: true, problem: null });
  }, 900_000);

  test('a search crosses from every local node, and none is skipped', async () => {
    for (const node of eu.nodes.keys()) {
      const answer = await searchAcross(eu, 'us', node);
      expect(answer._clusters).toMatchObject({ successful: 1, skipped: 0 });
      expect(answer.hits.total.value).toBe(DOCUMENTS);
    }
    const [view] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'us']);
    const ways = view?.paths?.map(({ node, ok }) => [node, ok]);
    expect(ways).toEqual(eu.nodes.flatMap(({ name }) => us.nodes.map(() => [name, true])));
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

  const bed = (): RotationBed => ({ fleet, us, eu, made, checked, documents: DOCUMENTS, stack });

  test('certificates are replaced under search load, without a restart, and taken back', async () => {
    await certificatesAreReplaced(bed());
  }, 300_000);

  test('a new certificate that a node does not trust any more is taken back at once', async () => {
    await untrustedIsTakenBack(bed());
  }, 300_000);

  test('a CA takes the place of another under search load, without a restart, and that is taken back', async () => {
    await caIsReplaced(bed());
  }, 300_000);

  test('other values are an update: shown as a diff, made without a restart, and taken back without one', async () => {
    await valuesAreUpdated({ ...bed(), connect, connected });
  });

  test('an alias that leads elsewhere is refused, whoever made it', async () => {
    await takenAliasIsRefused(bed());
  });

  test('a restart of a cluster is planned with what was measured, and refused where it cannot be carried out', async () => {
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
  });

  test('rolled back under search load, first one node and, when told, the others: all is as before, compared one by one', async () => {
    const expected = structuredClone(before);
    // What others wrote since is no part of it.
    for (const cluster of [us, eu]) writeSince(cluster, expected);
    const masters = [await masterOf(us), await masterOf(eu)];
    const load = new SearchLoop([
      { cluster: us, index: 'logs-1', documents: DOCUMENTS },
      { cluster: eu, index: 'own-1', documents: DOCUMENTS },
    ]);
    stack.defer(async () => void (await load.stop()));
    const paused = await fleet.json<Run>(['runs', 'rollback', connected.runId, '--canary', '--yes']);
    expect(paused).toMatchObject({ status: 'paused', restarts: [expect.stringMatching(/^eu-/)] });
    expect(await allocationOf(eu)).toEqual({});
    const waiting = await fleet.json<Run>(['restart', 'us', '--yes', '--detach']);
    expect(waiting).toMatchObject({ status: 'waiting', waitingFor: paused.runId });
    expect(await fleet.json<Run>(['runs', 'cancel', waiting.runId])).toMatchObject({ status: 'cancelled' });
    const run = await fleet.json<Run>(['runs', 'continue', paused.runId]);
    const reports = await load.stop();
    expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
    expect(run.status).toBe('succeeded');
    expect([...run.restarts].sort()).toEqual([...nodes].sort());
    expect([run.restarts[2], run.restarts[5]]).toEqual(masters.reverse());
    expect(restarts(us, eu)).toEqual(Object.fromEntries(nodes.map((name) => [name, (made[name] ?? 0) + 1])));

    expect(await standing(us, eu)).toEqual(expected);
    expect(before.clusters.us?.livingKeys).toMatchObject([{ name: 'theirs' }]);
    const local = nodeOf('eu-2');
    const [[name, value] = ['', '']] = Object.entries(theirs.entries);
    expect((await local.keystore(['show', name])).trim()).toBe(value);
    const names = Object.keys(before.nodes[local.name]?.entries ?? {});
    expect((await local.keystore(['list'])).trim().split('\n').sort()).toEqual(names);
    expect(Object.keys((await eu.call('GET', '/_remote/info')) as object)).toEqual(['elsewhere']);
    const views = await fleet.json<ConnectionView[]>(['connections', 'list']);
    expect(views.map(({ alias, managed }) => ({ alias, managed }))).toEqual([{ alias: 'elsewhere', managed: false }]);
    expect(await fleet.json(['ca', 'list'])).toEqual([]);
    expect((await fleet.json<Run>(['runs', 'show', connected.runId])).status).toBe('rolled_back');
    expect(await fleet.json<AuditVerdict>(['audit', 'verify'])).toMatchObject({ ok: true, problem: null });
  }, 900_000);
});
