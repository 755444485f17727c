import { describe, expect, test } from 'vitest';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request } from '../connect/facts.ts';
import { connected as connectedWorld, lines, planIn, stepOf } from '../connect/plans.ts';
import { type World, world } from '../connect/world.ts';
import { type Backup, change, connected, done, ended, roll } from '../rollback/connected.ts';

/** Runs that brought an alias to elasticsearch.yml, or out of it, taken back. */

type Wish = Parameters<typeof request>[0];
const SEEDS = 'cluster.remote.us.seeds';
const MODE = 'cluster.remote.us.mode';
const seeds = ['10.0.1.1:9443'];

/** The facts once a connection that stands was brought elsewhere by a run, which changed these on each local node. */
const moved = (before: World, wish: Wish, backups: RollbackFacts['backups']): RollbackFacts => {
  const plan = planIn(before, request(wish));
  const then = factsOf(applySteps(before, plan.steps), request(wish));
  const kept = (kind: string): unknown => {
    if (kind === 'connection.record') return { before: before.connections[0] };
    const put = stepOf(plan, 'cluster-settings.put').input.persistent;
    return {
      before: Object.fromEntries(Object.keys(put).map((name) => [name, before.local.persistent[name] ?? null])),
    };
  };
  const steps = plan.steps.map(({ id, kind }): [string, ReturnType<typeof done>] => [
    id,
    done({ kept: ['connection.record', 'cluster-settings.put'].includes(kind) ? kept(kind) : null }),
  ]);
  return {
    ...connected(world({ remote: 1, local: 2 })).facts,
    ...{ run: ended(plan, { steps: new Map(steps) }), backups, keys: [], earlierKeys: then.keys },
    clusters: new Map([then.local, then.remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map([
      ['us', {}],
      ['eu', then.local.persistent],
    ]),
    connections: then.connections,
  };
};

const each = (phase: string, changes: Backup['changes']): RollbackFacts['backups'] =>
  new Map(['eu-1', 'eu-2'].map((node): [string, Backup] => [`eu/${node}${phase}`, { changes, unknown: [] }]));

describe('a run is taken back', () => {
  test('that took lines out: they are back before the settings of the cluster lose the alias', () => {
    const before = connectedWorld(world({ remote: 1, local: 2 }), { staticNodes: 'all' });
    const gone = [MODE, SEEDS].map((name) => change('setting', name, { existed: true, before: seeds }));
    const plan = roll(moved(before, {}, each('/1', gone)));
    expect(lines(plan)).toEqual([
      ...['roll-eu.1 node.change eu-2 restart', 'roll-eu.1 node.change eu-1 restart'],
      'settings cluster-settings.put eu api',
      'prove connection.prove eu none',
      ...['end inventory.put-back coordinator none', 'end run.rollback coordinator none'],
    ]);
  });

  test('that brought an alias to files: the settings of the cluster have it before the lines go', () => {
    const before = connectedWorld(world({ remote: 1, local: 2 }));
    const made = [MODE, SEEDS].map((name) => change('setting', name, { now: seeds }));
    const plan = roll(moved(before, { staticNodes: 'all' }, each('', made)));
    expect(lines(plan)).toEqual([
      'settings cluster-settings.put eu api',
      ...['roll-eu node.change eu-2 restart', 'roll-eu node.change eu-1 restart'],
      'prove connection.prove eu none',
      ...['end inventory.put-back coordinator none', 'end run.rollback coordinator none'],
    ]);
    expect(stepOf(plan, 'cluster-settings.put').input.persistent).toMatchObject({ [MODE]: 'sniff' });
  });

  test('that changed lines of some nodes: these alone prove the connection as it was', () => {
    const before = connectedWorld(world({ remote: 1, local: 2 }), { staticNodes: ['eu-2'] });
    const plan = planIn(before, request({ staticNodes: ['eu-2'], skipUnavailable: false }));
    const then = factsOf(applySteps(before, plan.steps), request());
    const [record] = plan.steps;
    const facts: RollbackFacts = {
      ...connected(world({ remote: 1, local: 2 })).facts,
      run: ended(plan, {
        steps: new Map(
          plan.steps.map(({ id }) => [
            id,
            done({ kept: id === record?.id ? { before: before.connections[0] } : null }),
          ]),
        ),
      }),
      clusters: new Map([then.local, then.remote].map((cluster) => [cluster.name, cluster])),
      ...{ connections: then.connections, keys: [], earlierKeys: then.keys },
      settings: new Map([...['us', 'eu'].map((name) => [name, {}] as const)]),
      backups: new Map([
        [
          'eu/eu-2',
          { changes: [change('setting', 'cluster.remote.us.skip_unavailable', { now: 'false' })], unknown: [] },
        ],
      ]),
    };
    const back = roll(facts);
    expect(stepOf(back, 'connection.prove').input).toMatchObject({ nodes: ['eu-2'] });
    expect(back.warnings).toEqual([]);
  });
});
