import { appendFile, readFile, writeFile } from 'node:fs/promises';
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
import { CloudApi } from '../../support/cloud-api.ts';
import { Fleet } from '../../support/fleet.ts';
import { skipsLongTests } from '../../support/long-tests.ts';
import { restarts } from './traces.ts';

const CA = 'us-nodes';
/** Deployments of one organization in a region of Elastic Cloud, of which d1 is trusted. */
const ORGANIZATION = '1053523734';
const CLOUD_DEPLOYMENT = 'acme/d1';
const DEPLOYMENT = '*.node.0a1b.cluster.1053523734.account';
const OTHER = '*.node.2c3d.cluster.1053523734.account';
/** What Elasticsearch answers on a transport port to whom it let in. */
const LET_IN = 'This is not an HTTP port';

describe.skipIf(skipsLongTests)(`trust restrictions, ${await newestVersionHere()}, two nodes`, () => {
  const stack = new AsyncDisposableStack();
  let us: EsCluster;
  let fleet: Fleet;
  let api: CloudApi;

  beforeAll(async () => {
    [fleet, us, api] = await Promise.all([Fleet.start(), createCluster({ name: 'us', nodes: 2 }), CloudApi.start()]);
    for (const one of [us, fleet, api]) stack.use(one);
    const pem = await newCa(CA);
    api.add({ id: 'd1', name: 'logs', ca: await newCa('region') });
    const key = join(fleet.directory, 'cloud-key');
    await writeFile(key, api.apiKey);
    await fleet.json(['clouds', 'add', 'acme', '--api-key-file', key, '--url', api.url]);
    // So that certificates of the CA can be placed without a restart.
    for (const { configDir } of us.nodes) await appendFile(join(configDir, 'transport-ca.crt'), pem);
    await us.start();
    await us.waitUntilReady();
    await fleet.add(us);
  });

  afterAll(() => stack.disposeAsync());

  const newCa = async (name: string): Promise<string> => {
    await fleet.json(['ca', 'create', name, '--common-name', `CA ${name}`]);
    return (await fleet.cli(['ca', 'export', name])).stdout;
  };
  const at = (name: string): string => join(fleet.directory, name);
  const issueBy = (ca: string, name: string, ...flags: string[]) =>
    fleet.json([
      ...['certs', 'issue', '--ca', ca, '--purpose', 'transport', '--name', name, '--san', 'localhost'],
      ...['--format', 'pem', '--out', at(name), ...flags],
    ]);
  const issue = (name: string, ...flags: string[]) => issueBy(CA, name, ...flags);
  /** A certificate of a node of Elastic Cloud. */
  const issueInCloud = (ca: string, name: string, cluster: string, scope: string) =>
    issueBy(ca, name, '--cloud-cluster', cluster, '--cloud-scope', scope);

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
    ...['trust-restrictions', 'set', 'us', '--accept-outage', '--deployment', CLOUD_DEPLOYMENT],
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
    await Promise.all([
      issue('nameless'),
      issueInCloud(CA, 'theirs', '0a1b', ORGANIZATION),
      issueInCloud('region', 'deployment', 'es-d1', ORGANIZATION),
      issueInCloud('region', 'neighbour', 'es-d2', ORGANIZATION),
      issueInCloud('region', 'stranger', 'es-d1', '999'),
    ]);
    expect([await letIn('nameless'), await letIn('theirs')]).toEqual([everywhere, everywhere]);
    expect(await letIn('deployment')).toEqual(nowhere);
  }, 300_000);

  test('set: who has a certificate of the CA and not the name is turned away, who has the name is let in, and the nodes stay together', async () => {
    const run = await fleet.json<Run>([...set(DEPLOYMENT), '--yes']);
    expect([run.status, restarts(us)]).toEqual(['succeeded', { 'us-1': 1, 'us-2': 1 }]);
    expect([await letIn('nameless'), await letIn('theirs')]).toEqual([nowhere, everywhere]);
    // With the same restart: of everybody in its region the deployment alone.
    expect([await letIn('deployment'), await letIn('neighbour'), await letIn('stranger')]).toEqual([
      ...[everywhere, nowhere, nowhere],
    ]);
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

  test('a CA that the deployment got in the place of its own is trusted beside it, without a restart', async () => {
    const found = api.deployments[0];
    if (found) found.ca = await newCa('region-2');
    await issueInCloud('region-2', 'renewed', 'es-d1', ORGANIZATION);
    const run = await fleet.json<Run>([...set(DEPLOYMENT), '--yes']);
    expect([run.status, run.restarts]).toEqual(['succeeded', []]);
    expect([await letIn('renewed'), await letIn('deployment'), await letIn('stranger')]).toEqual([
      ...[everywhere, everywhere, nowhere],
    ]);
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

  test('remove: a deployment goes first, then who has a certificate of the CA is let in again, and not when that is taken back', async () => {
    const removing = ['trust-restrictions', 'remove', 'us', '--accept-outage'];
    const refused = await fleet.cli([...removing, '--yes']);
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining(`--deployment ${CLOUD_DEPLOYMENT}`)]);
    const distrusted = await fleet.json<Run>([...removing, '--deployment', CLOUD_DEPLOYMENT, '--yes']);
    expect([distrusted.status, await letIn('deployment'), await letIn('theirs')]).toEqual([
      ...['succeeded', nowhere, everywhere],
    ]);
    const run = await fleet.json<Run>([...removing, '--yes']);
    expect([run.status, restarts(us)]).toEqual(['succeeded', { 'us-1': 3, 'us-2': 3 }]);
    expect([await letIn('nameless'), await letIn('deployment'), await nodesInCluster()]).toEqual([
      everywhere,
      nowhere,
      2,
    ]);
    expect((await fleet.cli([...removing, '--check'])).code).toBe(0);
    const back = await fleet.json<Run>(['runs', 'rollback', run.runId, '--accept-outage', '--yes']);
    expect([back.status, restarts(us)]).toEqual(['succeeded', { 'us-1': 4, 'us-2': 4 }]);
    expect([await letIn('nameless'), await letIn('theirs'), await nodesInCluster()]).toEqual([nowhere, everywhere, 2]);
  }, 900_000);
});
