import { execFileSync } from 'node:child_process';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findJdks } from '../../../deploy/setup/java.mjs';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { createCluster, startCluster } from '../../elasticsearch/create.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { skipsLongTests } from '../../support/long-tests.ts';
import { standing } from './standing.ts';
import { fill, restarts, searchAcross, settingsFile } from './traces.ts';

const DOCUMENTS = 10;
const PASSWORD = 'of-the-store';
const STORE = 'transport-trust.p12';
const SSL = 'xpack.security.transport.ssl';
const going = ['--accept-outage', '--yes'];
const crossed = { _clusters: { successful: 1, skipped: 0 }, hits: { total: { value: DOCUMENTS } } };

/** One node that trusts its CA by a truststore, as Elasticsearch reads it, and sends that CA with its certificate. */
const startWithTruststore = async (): Promise<EsCluster> => {
  const keystoreEntries = { [`${SSL}.truststore.secure_password`]: PASSWORD };
  const cluster = await createCluster({ name: 'us', keystoreEntries });
  try {
    const at = (name: string): string => join(cluster.nodes[0]?.configDir ?? '', name);
    const [jdk] = findJdks();
    const store = ['-keystore', at(STORE), '-storetype', 'PKCS12', '-storepass', PASSWORD];
    const ca = ['-importcert', '-noprompt', '-alias', 'ca', '-file', at('transport-ca.crt')];
    execFileSync(join(jdk?.home ?? '', 'bin', 'keytool'), [...ca, ...store], { stdio: 'pipe' });
    await appendFile(at('transport.crt'), await readFile(at('transport-ca.crt')));
    const yml = await readFile(at('elasticsearch.yml'), 'utf8');
    const without = yml.replace(/^xpack\.security\.transport\.ssl\.certificate_authorities:.*\n(?:[ -].*\n)*/m, '');
    await writeFile(at('elasticsearch.yml'), `${without}${SSL}.truststore.path: ${STORE}\n`);
    await cluster.start();
    await cluster.waitUntilReady();
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
};

describe.skipIf(skipsLongTests)(`trust between transport ports, a truststore, ${await newestVersionHere()}`, () => {
  const stack = new AsyncDisposableStack();
  let fleet: Fleet;
  let us: EsCluster;
  let eu: EsCluster;
  let before: Awaited<ReturnType<typeof standing>>;

  beforeAll(async () => {
    [fleet, us, eu] = await Promise.all([Fleet.start(), startWithTruststore(), startCluster({ name: 'eu' })]);
    for (const one of [us, eu, fleet]) stack.use(one);
    await Promise.all([fill(us, 'logs-1', DOCUMENTS), ...[us, eu].map((cluster) => fleet.add(cluster))]);
    before = await standing(us, eu);
  }, 300_000);

  afterAll(() => stack.disposeAsync());

  const yml = (): string => settingsFile(us.nodes[0] as EsCluster['nodes'][number]);
  /** Whether a search crosses on connections that are made anew. */
  const crossesAnew = async (): Promise<unknown> => {
    for (const value of ['1m', null])
      await eu.call('PUT', '/_cluster/settings', {
        persistent: { 'cluster.remote.us.transport.ping_schedule': value },
      });
    await expect.poll(() => searchAcross(eu, 'us').catch(() => null), { timeout: 60_000 }).toMatchObject(crossed);
    return searchAcross(eu, 'us');
  };

  test('a truststore gives way to PEM files for a connection by certificate', async () => {
    const connecting = ['connect', 'eu', 'us', '--alias', 'us', '--auth', 'certificate'];
    const run = await fleet.json<Run>([...connecting, ...going]);
    expect(run).toMatchObject({ status: 'succeeded', restarts: ['us-1', 'eu-1'] });
    expect(yml()).not.toContain('truststore.path');
    expect(await searchAcross(eu, 'us')).toMatchObject(crossed);
  }, 300_000);

  test('transport certificates of another CA: the other cluster trusts that first, and nothing of it restarts; taken back too', async () => {
    await fleet.json(['ca', 'create', 'next', '--common-name', 'Next nodes of us']);
    const placing = ['certs', 'place', '--cluster', 'us', '--purpose', 'transport', '--ca', 'next'];
    const plan = JSON.parse((await fleet.cli([...placing, '--check', '--json'])).stdout) as Plan;
    expect(plan.stages.slice(0, 3).map(({ id }) => id)).toEqual(['peers-record', 'peers-files', 'peers-verify']);
    const starts = restarts(eu);
    const run = await fleet.json<Run>([...placing, ...going]);
    expect([run.status, restarts(eu)]).toEqual(['succeeded', starts]);
    expect(await crossesAnew()).toMatchObject(crossed);
    const back = await fleet.json<Run>(['runs', 'rollback', run.runId, ...going]);
    expect([back.status, restarts(eu)]).toEqual(['succeeded', starts]);
    expect(await crossesAnew()).toMatchObject(crossed);
  }, 600_000);

  test('migrate --remove-trust puts the truststore back, and disconnect all else', async () => {
    const migrating = ['migrate', 'eu', 'us', '--to', 'api_key', '--search', 'logs-*', '--remove-trust'];
    expect(await fleet.json<Run>([...migrating, ...going])).toMatchObject({ status: 'succeeded' });
    expect(yml()).toContain(`${SSL}.truststore.path: ${STORE}`);
    expect(yml()).not.toContain(`${SSL}.certificate_authorities`);
    expect(await searchAcross(eu, 'us')).toMatchObject(crossed);
    expect(await fleet.json<Run>(['disconnect', 'eu', 'us', ...going])).toMatchObject({ status: 'succeeded' });
    expect(await standing(us, eu)).toEqual(before);
  }, 600_000);
});
