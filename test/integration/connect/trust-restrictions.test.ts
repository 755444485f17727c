import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { createCluster } from '../../elasticsearch/create.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { skipsLongTests } from '../../support/long-tests.ts';
import { restarts } from './traces.ts';

const CA = 'us-nodes';
const DEPLOYMENT = '*.node.0a1b.cluster.1053523734.account';
const OTHER = '*.node.2c3d.cluster.1053523734.account';
/** What Elasticsearch answers on a transport port to whom it let in. */
const LET_IN = 'This is not an HTTP port';

describe.skipIf(skipsLongTests)(`trust restrictions, ${await newestVersionHere()}, two nodes`, () => {
  const stack = new AsyncDisposableStack();
  let us: EsCluster;
  let fleet: Fleet;

  beforeAll(async () => {
    [fleet, us] = await Promise.all([Fleet.start(), createCluster({ name: 'us', nodes: 2 })]);
    for (const one of [us, fleet]) stack.use(one);
    await fleet.json(['ca', 'create', CA, '--common-name', 'Nodes of us']);
    const pem = (await fleet.cli(['ca', 'export', CA])).stdout;
    // So that certificates of the CA can be placed without a restart.
    for (const { configDir } of us.nodes) await appendFile(join(configDir, 'transport-ca.crt'), pem);
    await us.start();
    await us.waitUntilReady();
    await fleet.add(us);
  });

  afterAll(() => stack.disposeAsync());

  const at = (name: string): string => join(fleet.directory, name);
  const issue = (name: string, ...flags: string[]) =>
    fleet.json([
      ...['certs', 'issue', '--ca', CA, '--purpose', 'transport', '--name', name, '--san', 'localhost'],
      ...['--format', 'pem', '--out', at(name), ...flags],
    ]);

  /** What each node answers to a client with this certificate. */
  const answers = async (name: string): Promise<string[]> => {
    const [cert, key] = await Promise.all(['crt', 'key'].map((end) => readFile(join(at(name), `${name}.${end}`))));
    return Promise.all(
      us.nodes.map(async ({ transportPort }) => {
        const socket = connect({ host: '127.0.0.1', port: transportPort, cert, key, rejectUnauthorized: false });
        socket.write('GET / HTTP/1.1\r\n\r\n');
        return text(socket).catch((error: Error) => error.message);
      }),
    );
  };
  const letIn = async (name: string): Promise<boolean[]> =>
    (await answers(name)).map((answer) => answer.includes(LET_IN));
  const everywhere = [true, true];
  const nowhere = [false, false];

  const set = (...allow: string[]): string[] => [
    ...['trust-restrictions', 'set', 'us', '--accept-outage'],
    ...allow.flatMap((pattern) => ['--allow', pattern]),
  ];
  const nodesInCluster = async (): Promise<number> =>
    ((await us.call('GET', '/_cluster/health')) as { number_of_nodes: number }).number_of_nodes;

  test('refused while the nodes have no names; certificates with names are placed without a restart', async () => {
    const refused = await fleet.cli([...set(DEPLOYMENT), '--yes']);
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('no name of the kind otherName')]);
    const placing = ['certs', 'place', '--cluster', 'us', '--purpose', 'transport', '--ca', CA];
    const placed = await fleet.json<Run>([...placing, '--cloud-cluster', 'us0', '--cloud-scope', '7', '--yes']);
    expect([placed.status, placed.restarts]).toEqual(['succeeded', []]);
    const rows = await fleet.json<CertificateView[]>(['certs', 'list', '--cluster', 'us']);
    const transport = rows.filter(({ purpose }) => purpose === 'transport');
    expect(transport.map(({ node, sans, served }) => [node, sans.at(-1), served]).sort()).toEqual(
      us.nodes.map(({ name }) => [name, `otherName:${name}.node.us0.cluster.7.account`, true]),
    );
    await Promise.all([issue('nameless'), issue('theirs', '--cloud-cluster', '0a1b', '--cloud-scope', '1053523734')]);
    expect([await letIn('nameless'), await letIn('theirs')]).toEqual([everywhere, everywhere]);
  }, 300_000);

  test('set: who has a certificate of the CA and not the name is turned away, who has the name is let in, and the nodes stay together', async () => {
    const run = await fleet.json<Run>([...set(DEPLOYMENT), '--yes']);
    expect([run.status, restarts(us)]).toEqual(['succeeded', { 'us-1': 1, 'us-2': 1 }]);
    expect([await letIn('nameless'), await letIn('theirs')]).toEqual([nowhere, everywhere]);
    expect(await nodesInCluster()).toBe(2);
    expect((await fleet.cli([...set(DEPLOYMENT), '--check'])).code).toBe(0);
  }, 600_000);

  test('other patterns are read without a restart, and taken back', async () => {
    const plan = JSON.parse((await fleet.cli([...set(OTHER), '--check', '--json'])).stdout) as Plan;
    expect(plan.steps.find(({ kind }) => kind === 'node.change')?.diff).toContain(`-   lets in ${DEPLOYMENT}`);
    const run = await fleet.json<Run>([...set(OTHER), '--yes']);
    expect([run.status, run.restarts, await letIn('theirs')]).toEqual(['succeeded', [], nowhere]);
    const back = await fleet.json<Run>(['runs', 'rollback', run.runId, '--yes']);
    expect([back.status, back.restarts]).toEqual(['succeeded', []]);
    await expect.poll(() => letIn('theirs'), { timeout: 60_000 }).toEqual(everywhere);
    expect(restarts(us)).toEqual({ 'us-1': 1, 'us-2': 1 });
  }, 300_000);

  test('certificates are replaced with their names, and placed without names they are refused', async () => {
    const rotated = await fleet.json<Run>(['certs', 'rotate', '--cluster', 'us', '--yes']);
    expect([rotated.status, await nodesInCluster()]).toEqual(['succeeded', 2]);
    const placing = ['certs', 'place', '--cluster', 'us', '--purpose', 'transport', '--ca', CA, '--yes'];
    const refused = await fleet.cli([...placing, '--cloud-cluster', 'us1', '--cloud-scope', '7']);
    expect([refused.code, refused.stderr]).toEqual([
      64,
      expect.stringMatching(/would have no such name \(us-\d\.node\.us1\.cluster\.7\.account\)/),
    ]);
  }, 300_000);

  test('remove: who has a certificate of the CA is let in again', async () => {
    const run = await fleet.json<Run>(['trust-restrictions', 'remove', 'us', '--accept-outage', '--yes']);
    expect([run.status, restarts(us)]).toEqual(['succeeded', { 'us-1': 2, 'us-2': 2 }]);
    expect([await letIn('nameless'), await nodesInCluster()]).toEqual([everywhere, 2]);
    expect((await fleet.cli(['trust-restrictions', 'remove', 'us', '--check'])).code).toBe(0);
  }, 600_000);
});
