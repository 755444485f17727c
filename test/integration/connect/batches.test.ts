import type { Run, RunStep } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { SearchLoop } from './search-loop.ts';
import { fill, restarts } from './traces.ts';

const DOCUMENTS = 20;
const zones = ['b', 'a', 'a', 'b'];

describe(`${await newestVersionHere()}, one master, three data nodes in two zones`, () => {
  const stack = new AsyncDisposableStack();
  let us: EsCluster;
  let fleet: Fleet;

  beforeAll(async () => {
    const [started, clusters] = await Promise.all([
      Fleet.start(),
      startClusters({
        ...{ name: 'us', nodes: 4, roles: [['master'], ['data'], ['data'], ['data']] },
        attributes: zones.map((zone) => ({ zone })),
        settings: ['cluster.routing.allocation.awareness.attributes: zone'],
      }),
    ]);
    fleet = started;
    [us] = clusters as [EsCluster];
    for (const one of [us, fleet]) stack.use(one);
    await fill(us, 'logs-1', DOCUMENTS);
    await fleet.add(us);
  });

  afterAll(() => stack.disposeAsync());

  test('an attribute that a node does not have is refused, with those that there are', async () => {
    const answer = await fleet.cli(['restart', 'us', '--batch-by', 'rack', '--accept-outage', '--yes']);
    expect(answer.code).toBe(64);
    expect(answer.stderr).toContain('--batch-by rack: us-1, us-2, us-3, us-4 of cluster us have no node.attr.rack.');
    expect(answer.stderr).toMatch(/There are .*zone/);
  });

  test('restarts zone by zone under search load, each node once', async () => {
    const load = new SearchLoop([{ cluster: us, index: 'logs-1', documents: DOCUMENTS }]);
    const change = ['restart', 'us', '--batch-by', 'zone', '--yes'];
    const run = await fleet.json<Run>([...change, '--limit', 'us-2,us-3,us-4']).finally(() => load.stop());
    const [report] = await load.stop();
    expect(run.status).toBe('succeeded');
    expect(report?.failures).toEqual([]);
    expect(restarts(us)).toEqual({ 'us-1': 0, 'us-2': 1, 'us-3': 1, 'us-4': 1 });
    const step = (node: string) => run.steps.find(({ target }) => target === node) as RunStep;
    const together = (a: RunStep, b: RunStep): boolean =>
      `${a.startedAt}` < `${b.finishedAt}` && `${b.startedAt}` < `${a.finishedAt}`;
    expect(together(step('us-2'), step('us-3'))).toBe(true);
    expect(together(step('us-3'), step('us-4'))).toBe(false);
    const settings = await us.call('GET', '/_cluster/settings?filter_path=*.cluster.routing.allocation.enable');
    expect(settings).toEqual({});
  }, 600_000);
});
