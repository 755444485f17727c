import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect, test } from 'vitest';
import { restarts } from '../traces.ts';
import type { Bed } from './bed.ts';

const ALIAS = 'refused';
const wish = ['connect', 'eu', 'us', '--alias', ALIAS, '--search', 'logs-*', '--yes'];

/** What only Elasticsearch can know is shown with the cluster, what it answered, and what to do. */
export const refusedSuite = (bed: () => Bed): void => {
  const keysOf = async (): Promise<KeyView[]> => {
    const keys = await bed().fleet.json<KeyView[]>(['api-keys', 'list', '--cluster', 'us']);
    return keys.filter(({ name, invalidated }) => name.startsWith(`remora-eu-${ALIAS}-`) && !invalidated);
  };
  /** A command whose run fails: what was said of it, and the run. */
  const failed = async (args: readonly string[]): Promise<{ readonly said: string; readonly run: Run }> => {
    const { code, stdout, stderr } = await bed().fleet.cli(args);
    expect(code, stderr).toBe(1);
    const [run] = await bed().fleet.json<Run[]>(['runs', 'list', '--limit', '1']);
    return { said: `${stdout}${stderr}`, run: await bed().fleet.json<Run>(['runs', 'show', run?.runId ?? '']) };
  };

  test('a key that Elasticsearch refuses ends the run before any node was changed, and what to do is said', async () => {
    const { fleet, us, eu } = bed();
    const before = restarts(us, eu);
    // A count that Java has no number for.
    const identity = ['--certificate-identity', 'CN=(a|b){1,99999999999}', '--signing-subject', 'CN=a'];
    const { said, run } = await failed([...wish, ...identity, '--signing-ca', 'refused-signing']);
    expect(said).toMatch(
      /Creating the cross-cluster API key on cluster us: 400: .*Invalid certificate_identity format/,
    );
    expect(said).toContain('as a regular expression of Java, and takes this one for none: write a plainer one');
    expect(run.steps.filter(({ status }) => status !== 'pending').map(({ kind }) => kind)).toEqual([
      ...['connection.record', 'ca.create', 'api-key.create'],
    ]);
    expect(await keysOf()).toEqual([]);
    expect(restarts(us, eu)).toEqual(before);
    const rollback = await fleet.json<Run>(['runs', 'rollback', run.runId, '--yes']);
    expect(rollback).toMatchObject({ status: 'succeeded', restarts: [] });
    expect(await fleet.json<ConnectionView[]>(['connections', 'list'])).toHaveLength(1);
  });

  test('a cluster that takes no settings is named with its answer, and the same command goes on once it takes them', async () => {
    const { fleet, eu } = bed();
    const readOnly = (value: true | null) =>
      eu.call('PUT', '/_cluster/settings', { persistent: { 'cluster.blocks.read_only': value } });
    await readOnly(true);
    const { said } = await failed(wish).finally(() => readOnly(null));
    expect(said).toMatch(/Writing cluster\.remote\.refused\..* on cluster eu: 403: blocked by: \[FORBIDDEN/);
    expect(said).toContain('or somebody made it read-only (cluster.blocks.read_only). Take that away');
    const [key] = await keysOf();
    expect(await fleet.json<Run>(wish)).toMatchObject({ status: 'succeeded', restarts: [] });
    expect((await keysOf()).map(({ id }) => id)).toEqual([key?.id]);
    await fleet.json<Run>(['disconnect', 'eu', ALIAS, '--yes']);
    expect(await keysOf()).toEqual([]);
  });

  test('a pattern with which Elasticsearch would make a key that no request gets through with is refused before', async () => {
    const { fleet } = bed();
    const broken = ['connect', 'eu', 'us', '--alias', ALIAS, '--search', '/[/', '--yes'];
    expect(await fleet.cli(broken)).toMatchObject({ code: 64, stderr: expect.stringContaining('"[" without its "]"') });
    expect(await keysOf()).toEqual([]);
  });
};
