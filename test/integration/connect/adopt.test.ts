import { execFile } from 'node:child_process';
import { appendFile, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAuthority } from '../../elasticsearch/certificates.ts';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { createCluster } from '../../elasticsearch/create.ts';
import { Fleet } from '../../support/fleet.ts';
import { standing } from './standing.ts';
import { fill, restarts, searchAcross } from './traces.ts';

const run = promisify(execFile);
const SERVER = 'xpack.security.remote_cluster_server.ssl.keystore';
const PASSWORD = 'changeit';

/** As Elastic's page has it: a CA, a PKCS#12 file on the remote node with its password in the keystore, and the CA on the local node. */
const byHand = async (us: EsCluster, eu: EsCluster): Promise<void> => {
  const [remote, local] = [us.nodes[0], eu.nodes[0]];
  if (!remote || !local) throw new Error('a cluster has no node');
  const authority = await TestAuthority.create(join(us.place.directory, 'remote-ca'), 'their remote CA');
  const issued = await authority.issue('theirs', ['DNS:localhost', 'IP:127.0.0.1']);
  const p12 = join(remote.configDir, 'theirs.p12');
  const files = ['-inkey', issued.key, '-in', issued.certificate, '-out', p12];
  await run('openssl', ['pkcs12', '-export', ...files, '-passout', `pass:${PASSWORD}`]);
  await copyFile(authority.certificate, join(local.configDir, 'theirs.crt'));
  await appendFile(
    join(remote.configDir, 'elasticsearch.yml'),
    `\nremote_cluster_server.enabled: true\n${SERVER}.path: theirs.p12\n`,
  );
  await appendFile(
    join(local.configDir, 'elasticsearch.yml'),
    '\nxpack.security.remote_cluster_client.ssl.certificate_authorities: theirs.crt\n',
  );
  await remote.keystore(['add', '-x', '-f', `${SERVER}.secure_password`], `${PASSWORD}\n`);
};

describe('a pair that people connected by hand', () => {
  const stack = new AsyncDisposableStack();
  let fleet: Fleet;
  let us: EsCluster;
  let eu: EsCluster;
  const seed = (): string => `127.0.0.1:${us.nodes[0]?.remoteClusterPort}`;
  beforeAll(async () => {
    [us, eu] = [stack.use(await createCluster({ name: 'us' })), stack.use(await createCluster({ name: 'eu' }))];
    fleet = stack.use(await Fleet.start());
    await byHand(us, eu);
    await Promise.all([us, eu].map((cluster) => cluster.start()));
    await Promise.all([us, eu].map((cluster) => cluster.waitUntilReady()));
    await Promise.all([fill(us, 'logs-1', 10), ...[us, eu].map((cluster) => fleet.add(cluster))]);
    const { encoded } = (await us.call('POST', '/_security/cross_cluster/api_key', {
      ...{ name: 'by hand', access: { search: [{ names: ['logs-*'] }] } },
    })) as { readonly encoded: string };
    await eu.nodes[0]?.keystore(['add', '-x', '-f', 'cluster.remote.us.credentials'], `${encoded}\n`);
    await eu.call('POST', '/_nodes/reload_secure_settings');
    await eu.call('PUT', '/_cluster/settings', { persistent: { 'cluster.remote.us.seeds': [seed()] } });
  });
  afterAll(() => stack.disposeAsync());

  test('is taken over as it stands, with its own certificates and CA, and nothing is left to do then', async () => {
    expect(await searchAcross(eu, 'us')).toMatchObject({ hits: { total: { value: 10 } } });
    const before = await standing(us, eu);
    expect(await fleet.json<Run>(['adopt', 'eu', 'us', '--yes'])).toMatchObject({ status: 'succeeded' });
    const after = await standing(us, eu);
    expect(Object.values(after.nodes).map(({ files }) => files)).toEqual(
      Object.values(before.nodes).map(({ files }) => files),
    );
    expect(after.nodes['us-1']?.entries).toEqual(before.nodes['us-1']?.entries);
    const connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--seeds', seed()];
    for (const args of [['adopt', 'eu', 'us'], connect])
      expect((await fleet.json<Plan>([...args, '--check'])).steps).toEqual([]);
    expect(await fleet.json<ConnectionView>(['connections', 'show', 'eu', 'us'])).toMatchObject({
      ...{ managed: true, connected: true, remote: 'us' },
    });
    expect(await searchAcross(eu, 'us')).toMatchObject({ hits: { total: { value: 10 } } });
    expect(restarts(us, eu)).toEqual({ 'us-1': 0, 'eu-1': 0 });
  });

  test('and taken apart without a restart: what people configured stays', async () => {
    const before = await standing(us, eu);
    expect(await fleet.json<Run>(['disconnect', 'eu', 'us', '--yes'])).toMatchObject({ status: 'succeeded' });
    const after = await standing(us, eu);
    expect(Object.values(after.nodes).map(({ files }) => files)).toEqual(
      Object.values(before.nodes).map(({ files }) => files),
    );
    expect(restarts(us, eu)).toEqual({ 'us-1': 0, 'eu-1': 0 });
  });
});
