import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run, RunStep } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { SearchLoop } from './search-loop.ts';
import { everything, fill, restarts } from './traces.ts';

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
    for (const how of ['--check', '--yes']) {
      const answer = await fleet.cli(['restart', 'us', '--batch-by', 'rack', '--accept-outage', how]);
      expect(answer.code).toBe(64);
      expect(answer.stderr).toContain('--batch-by rack: us-1, us-2, us-3, us-4 of cluster us have no node.attr.rack.');
      expect(answer.stderr).toMatch(/There are .*zone/);
    }
  });

  let plan: Plan;

  test('the plan shows the batches, those of other options when it is asked, and making it changes nothing', async () => {
    const limited = ['restart', 'us', '--limit', 'us-2,us-3,us-4'];
    // An agent that looks at its keystore for the first time notes in its ledger what is there.
    expect((await fleet.cli([...limited, '--check'])).code).toBe(2);
    const before = await everything(fleet, us);
    const answer = await fleet.cli([...limited, '--batch-by', 'zone', '--check', '--json']);
    expect(await everything(fleet, us)).toEqual(before);
    expect(answer.code).toBe(2);
    plan = JSON.parse(answer.stdout) as Plan;
    const batch = { cluster: 'us', canary: false, away: false };
    const zones = [
      { ...batch, nodes: ['us-2', 'us-3'], attribute: 'a' },
      { ...batch, nodes: ['us-4'], attribute: 'b' },
    ];
    expect(plan).toMatchObject({ roll: { batchBy: 'zone' }, batches: zones });
    const shown = await fleet.cli(['plans', 'show', plan.planId]);
    expect(shown.stdout).toContain('batch 1 (zone a): us-2, us-3\n  batch 2 (zone b): us-4\n');
    const other = await fleet.cli([
      'apply',
      plan.planId,
      '--diff',
      '--serial',
      '1',
      '--canary',
      '--batch-by',
      'rack',
      '--yes',
    ]);
    expect([other.code, other.stderr]).toEqual([64, expect.stringContaining('--batch-by rack')]);
    expect(await fleet.json<Plan>(['plans', 'show', plan.planId])).toEqual(plan);
  });

  test('carried out, it restarts zone by zone as shown under search load, each node once', async () => {
    const load = new SearchLoop([{ cluster: us, index: 'logs-1', documents: DOCUMENTS }]);
    const run = await fleet.json<Run>(['apply', plan.planId, '--yes']).finally(() => load.stop());
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

  test('and does not restart them twice: after its apply the plan is not that of these nodes any more', async () => {
    const again = await fleet.cli(['apply', plan.planId, '--yes', '--json']);
    expect(again.code).toBe(64);
    expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'plan-stale' } });
    expect(restarts(us)).toEqual({ 'us-1': 0, 'us-2': 1, 'us-3': 1, 'us-4': 1 });
  });
});
