import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import type { EsNode } from '../../elasticsearch/node.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { fill, restarts, searchAcross, settingsFile } from './traces.ts';

const DOCUMENTS = 10;
const crossed = { _clusters: { successful: 1, skipped: 0 }, hits: { total: { value: DOCUMENTS } } };
const connecting = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--expires', '90d'];
const going = ['--accept-outage', '--yes'];

describe(`an alias in elasticsearch.yml of one of two nodes, ${await newestVersionHere()}`, () => {
  const stack = new AsyncDisposableStack();
  let fleet: Fleet;
  let us: EsCluster;
  let eu: EsCluster;
  let written: Record<string, string>;

  beforeAll(async () => {
    const [started, clusters] = await Promise.all([
      Fleet.start(),
      startClusters({ name: 'us' }, { name: 'eu', nodes: 2, style: 'nested' }),
    ]);
    [us, eu] = clusters as [EsCluster, EsCluster];
    fleet = started;
    for (const one of [us, eu, fleet]) stack.use(one);
    await Promise.all([fill(us, 'logs-1', DOCUMENTS), ...[us, eu].map((cluster) => fleet.add(cluster))]);
    written = files();
  });

  afterAll(() => stack.disposeAsync());

  const files = (): Record<string, string> =>
    Object.fromEntries([us, eu].flatMap(({ nodes }) => nodes).map((node) => [node.name, settingsFile(node)]));
  const plan = async (command: readonly string[]): Promise<Plan> =>
    JSON.parse((await fleet.cli([...command, '--check', '--json'])).stdout) as Plan;
  const states = async (): Promise<unknown> => {
    const [view] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'us']);
    return [view?.connected, view?.proof.map(({ node, state }) => [node, state])];
  };
  const aliasIn = async (): Promise<string[]> => {
    const { persistent } = (await eu.call('GET', '/_cluster/settings?flat_settings=true')) as {
      readonly persistent: Readonly<Record<string, unknown>>;
    };
    return Object.keys(persistent);
  };
  /** How often a node closed the connection that it had and opened another. */
  const reopened = ({ nodes }: EsCluster): number =>
    nodes.flatMap((node: EsNode) => node.log().match(/remote cluster connection \[us\] updated: RECONNECTED/g) ?? [])
      .length;

  test('that node connects, and nothing else is touched', async () => {
    const made = await fleet.json<Run>([...connecting, '--static-nodes', 'eu-2', ...going]);
    expect(made).toMatchObject({ status: 'succeeded', restarts: ['us-1', 'eu-2'] });
    expect(await aliasIn()).toEqual([]);
    expect(settingsFile(eu.nodes[0] as EsNode)).toBe(written['eu-1']);
    expect(await states()).toEqual([
      true,
      [
        ['eu-1', 'n/a'],
        ['eu-2', 'ok'],
      ],
    ]);
    expect(await searchAcross(eu, 'us', 1)).toMatchObject(crossed);
    await expect(searchAcross(eu, 'us', 0)).rejects.toThrow('no such remote cluster: [us]');
    expect((await plan([...connecting, '--static-nodes', 'eu-2'])).steps).toEqual([]);
    const view = await fleet.json<ConnectionView>(['connections', 'show', 'eu', 'us']);
    expect(view).toMatchObject({
      staticNodes: ['eu-2'],
      info: { seeds: [`127.0.0.1:${us.nodes[0]?.remoteClusterPort}`], nodesConnected: 1 },
      setUp: { settings: { 'cluster.remote.us.mode': 'sniff' } },
    });
  });

  test('its key is replaced without a restart', async () => {
    expect(await fleet.json<Run>(['api-keys', 'rotate', 'eu', 'us', '--grace', '0s', '--yes'])).toMatchObject({
      status: 'succeeded',
    });
    expect(await searchAcross(eu, 'us', 1)).toMatchObject(crossed);
  });

  test('it is brought to the settings of the cluster and back, and stays open', async () => {
    const moved = await fleet.json<Run>([...connecting, ...going]);
    expect(moved).toMatchObject({ status: 'succeeded', restarts: ['eu-1', 'eu-2'] });
    expect(await aliasIn()).toEqual(['cluster.remote.us.mode', 'cluster.remote.us.seeds']);
    expect(settingsFile(eu.nodes[1] as EsNode)).not.toContain('cluster.remote.us');
    expect(await states()).toEqual([
      true,
      [
        ['eu-1', 'ok'],
        ['eu-2', 'ok'],
      ],
    ]);
    expect((await plan(connecting)).steps).toEqual([]);
    const back = await fleet.json<Run>(['runs', 'rollback', moved.runId, ...going]);
    expect(back).toMatchObject({ status: 'succeeded' });
    expect(await aliasIn()).toEqual([]);
    expect(await states()).toEqual([
      true,
      [
        ['eu-1', 'n/a'],
        ['eu-2', 'ok'],
      ],
    ]);
    expect(reopened(eu)).toBe(0);
  });

  test('is taken apart, byte by byte', async () => {
    const before = restarts(eu);
    expect(await fleet.json<Run>(['disconnect', 'eu', 'us', ...going])).toMatchObject({ status: 'succeeded' });
    expect(files()).toEqual(written);
    expect(restarts(eu)).toEqual({ ...before, 'eu-2': (before['eu-2'] ?? 0) + 1 });
  });
});
