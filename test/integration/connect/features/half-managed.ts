import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { KeyBundle } from '@remora/shared/model/keys/key-bundle.ts';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect, test } from 'vitest';
import { restarts, searchAcross, settingsFile } from '../traces.ts';
import { type Bed, DOCUMENTS } from './bed.ts';

interface Keys {
  readonly api_keys: readonly { readonly invalidated: boolean }[];
}

/** What `eu` has of connections. */
const side = async ({ eu }: Bed): Promise<unknown> => ({
  settings: await eu.call('GET', '/_cluster/settings?flat_settings'),
  files: eu.nodes.map(settingsFile),
  cas: await Promise.all(
    eu.nodes.map(({ configDir }) => readFile(join(configDir, 'remora-remote-cluster-cas.crt'), 'utf8')),
  ),
  restarts: restarts(eu),
});

/** A key as those who run `us` make it by hand. */
const handMade = async ({ us }: Bed): Promise<string> => {
  const body = { name: 'by-hand', access: { search: [{ names: ['logs-*'] }] } };
  const made = (await us.call('POST', '/_security/cross_cluster/api_key', body)) as { readonly encoded: string };
  return made.encoded;
};

const publishAddress = async ({ us }: Bed): Promise<string> => {
  const { nodes } = (await us.call('GET', '/_nodes?filter_path=nodes.*.remote_cluster_server')) as {
    readonly nodes: Readonly<Record<string, { readonly remote_cluster_server: { readonly publish_address: string } }>>;
  };
  return Object.values(nodes)[0]?.remote_cluster_server.publish_address ?? '';
};

export const halfManagedSuite = (bed: () => Bed): void => {
  test('a key that others made by hand connects from every node, and disconnect leaves the cluster as it was', async () => {
    const { fleet, eu } = bed();
    const before = await side(bed());
    const [key, seed] = [await handMade(bed()), await publishAddress(bed())];
    const ca = join(fleet.directory, 'us-remote.pem');
    // Two CAs, as while one of theirs takes the place of another: one is on record here, the other comes to be.
    await writeFile(ca, (await fleet.cli(['ca', 'export', 'us-remote'])).stdout + (await readFile(eu.caPath, 'utf8')));
    const connect = ['connect', 'eu', '--alias', 'by_hand', '--remote-key-file', '-', '--seeds', seed];

    const wrong = join(fleet.directory, 'eu-http.pem');
    await writeFile(wrong, await readFile(eu.caPath));
    for (const [given, why] of [
      [wrong, /is not trusted from node eu-1 by the CA of --remote-ca/],
      [
        'public',
        /trusts for remote clusters what remora-remote-cluster-cas\.crt holds, and so none of Java's public CAs/,
      ],
    ] as const) {
      const refused = await fleet.cli([...connect, '--remote-ca', given, '--yes'], { stdin: key });
      expect([refused.code, refused.stderr]).toEqual([64, expect.stringMatching(why)]);
    }
    expect(await side(bed())).toEqual(before);

    const own = [...connect, '--remote-ca', ca, '--remote-name', 'theirs'];
    const unknown = await handMade(bed());
    const shown = JSON.parse((await fleet.cli([...own, '--check', '--json'], { stdin: unknown })).stdout) as Plan;
    const applied = await fleet.cli(['apply', shown.planId, '--yes']);
    expect(applied).toMatchObject({ code: 64, stderr: expect.stringContaining('seals no key and no password') });
    expect(await fleet.json<Run>([...own, '--yes'], { stdin: key })).toMatchObject({ status: 'succeeded' });
    for (const node of [0, 1])
      expect(await searchAcross(eu, 'by_hand', node)).toMatchObject({ hits: { total: { value: DOCUMENTS } } });
    expect(await fleet.json<Plan>([...own, '--check'], { stdin: key })).toMatchObject({ steps: [] });
    const [view] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'by_hand']);
    expect(view).toMatchObject({ remote: 'theirs', remoteManaged: false, connected: true, managed: true });
    expect(view?.paths?.map(({ ok }) => ok)).toEqual([true, true]);

    const other = await handMade(bed());
    const replaced = await fleet.json<Run>([...own, '--yes'], { stdin: other });
    expect(replaced).toMatchObject({ status: 'succeeded' });
    expect(await searchAcross(eu, 'by_hand')).toMatchObject({ hits: { total: { value: DOCUMENTS } } });
    expect(await fleet.json<Run>(['runs', 'rollback', replaced.runId, '--yes'])).toMatchObject({ status: 'succeeded' });
    expect(await searchAcross(eu, 'by_hand', 1)).toMatchObject({ hits: { total: { value: DOCUMENTS } } });

    expect(await fleet.json<Run>(['disconnect', 'eu', 'by_hand', '--yes'])).toMatchObject({ status: 'succeeded' });
    expect(await side(bed())).toEqual(before);
    expect(fleet.outputs.join('\n')).not.toContain(key);
  });

  test('a key is made for others, and its bundle connects from every node', async () => {
    const { fleet, us, eu } = bed();
    const [before, out] = [await side(bed()), join(fleet.directory, 'eu-team.json')];
    const create = ['api-keys', 'create', 'us', '--for', 'eu-team', '--search', 'logs-*', '--out', out];
    const strange = await fleet.cli([...create, '--server-ca', '/dev/null', '--check']);
    expect(strange).toMatchObject({ code: 64, stderr: expect.stringContaining('--server-ca holds no PEM block') });
    const made = await fleet.json<Run>([...create, '--yes']);
    expect([made.status, made.steps.map(({ kind }) => kind)]).toEqual(['succeeded', ['api-key.create']]);
    const bundle = JSON.parse(await readFile(out, 'utf8')) as KeyBundle;
    expect([(await stat(out)).mode & 0o777, bundle.seeds]).toEqual([0o600, [await publishAddress(bed())]]);
    expect((await fleet.cli([...create, '--yes'])).code).toBe(64);

    await rm(out);
    expect(await fleet.json<Plan>([...create, '--check'])).toMatchObject({ steps: [] });
    expect(await fleet.json<Run>([...create, '--yes'])).toMatchObject({ status: 'succeeded', steps: [] });
    expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(bundle);
    const keys = await fleet.json<KeyView[]>(['api-keys', 'list', '--cluster', 'us']);
    expect(keys.find(({ id }) => id === bundle.key.id)).toMatchObject({ for: 'eu-team', connections: [], level: 'ok' });

    const connect = ['connect', 'eu', '--alias', 'other', '--remote-key-file', out];
    expect(await fleet.json<Run>([...connect, '--yes'])).toMatchObject({ status: 'succeeded' });
    for (const node of [0, 1])
      expect(await searchAcross(eu, 'other', node)).toMatchObject({ hits: { total: { value: DOCUMENTS } } });
    expect(await fleet.json<ConnectionView>(['connections', 'show', 'eu', 'other'])).toMatchObject({
      ...{ remote: 'us', remoteManaged: false, connected: true, key: { id: bundle.key.id, name: bundle.key.name } },
    });

    const revoke = ['api-keys', 'revoke', 'us', '--for', 'eu-team', '--yes'];
    expect(await fleet.json<Run>(revoke)).toMatchObject({ status: 'succeeded' });
    const [gone] = ((await us.call('GET', `/_security/api_key?id=${bundle.key.id}`)) as Keys).api_keys;
    expect(gone?.invalidated).toBe(true);
    expect(await fleet.json<Run>(['disconnect', 'eu', 'other', '--yes'])).toMatchObject({ status: 'succeeded' });
    expect(await side(bed())).toEqual(before);
    expect([...fleet.outputs, fleet.coordinatorLog].join('\n')).not.toContain(bundle.key.encoded);
  });
};
