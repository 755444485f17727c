import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { nodeOf, type World, world } from '../connect/world.ts';
import { disconnected, planOff, refusalOf, traces } from '../disconnect/plans.ts';
import { planCa } from '../rotate-ca/plans.ts';
import { carriedOut, planKey, refusal, wish as rotated } from '../rotate-key/plans.ts';
import { all, one } from './places.ts';

/** What else is done to connections whose alias stands in elasticsearch.yml of local nodes. */

const CREDENTIALS = 'cluster.remote.us.credentials';
const SEEDS = 'cluster.remote.us.seeds';

describe('taken apart', () => {
  test('each node that has the alias is restarted once for all of it, before the key is invalidated', () => {
    const plan = planOff(connected(world({ remote: 1, local: 2 }), one));
    expect(lines(plan)).toEqual([
      'lines node.change eu-2 restart',
      'reload secure-settings.reload eu-1 reload',
      'api-key api-key.invalidate us api',
      'remote-roll node.change us-1 restart',
      'end inventory.put-back coordinator none',
    ]);
    const { diff } = stepOf(plan, 'node.change', 'eu-2');
    for (const line of [`-   ${SEEDS}: `, `- keystore ${CREDENTIALS} = `, '- file remora-remote-cluster-cas.crt'])
      expect(diff).toContain(line);
    expect(plan).toMatchObject({ restarts: ['eu-2', 'us-1'], warnings: [] });
  });

  test.each([
    ['as it was made', all],
    ['on one node', one],
  ])('%s: both clusters are as they were before', (_, wish) => {
    const before = world({ remote: 2, local: 3 });
    expect(traces(disconnected(connected(before, wish)))).toEqual(traces(before));
  });

  test('cut off anywhere goes on to the same end', () => {
    const before = world({ remote: 1, local: 2 });
    const made = connected(before, all);
    const { steps } = planOff(made);
    for (let count = 0; count < steps.length; count++)
      expect(traces(disconnected(applySteps(made, steps.slice(0, count))))).toEqual(traces(before));
  });

  test('half-way to files, with the alias in both places', () => {
    const before = world({ remote: 1, local: 2 });
    const made = connected(before);
    const { steps } = planIn(made, request(all));
    expect(traces(disconnected(applySteps(made, steps.slice(0, 2))))).toEqual(traces(before));
  });

  test('half-way back from files', () => {
    const before = world({ remote: 1, local: 2 });
    const made = connected(before, all);
    const { steps } = planIn(made, request());
    expect(traces(disconnected(applySteps(made, steps.slice(0, 2))))).toEqual(traces(before));
  });

  test('a line that somebody added goes with the address, and is named', () => {
    const made = connected(world({ remote: 1, local: 2 }), one);
    nodeOf(made.local, 'eu-2').yml.values['cluster.remote.us.node_connections'] = 5;
    expect(planOff(made).warnings).toEqual([
      'cluster.remote.us.node_connections in elasticsearch.yml of node eu-2 (cluster eu), which somebody else wrote, goes too: a node does not start with settings of an alias that has no address.',
    ]);
    expect(nodeOf(disconnected(made).local, 'eu-2').yml.values).not.toHaveProperty(
      'cluster.remote.us.node_connections',
    );
  });

  test('lines of somebody else beside an alias of the whole cluster bring it back: refused, as ever', () => {
    const made = connected(world({ remote: 1, local: 2 }));
    nodeOf(made.local, 'eu-2').yml.values[SEEDS] = ['h:9443'];
    expect(refusalOf(made)).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(
        `elasticsearch.yml of node eu-2 (cluster eu) has ${SEEDS}, which Remora did not write`,
      ),
    });
  });

  test('a node that is away keeps its lines: the connection stays on record for it', () => {
    const made = connected(world({ remote: 1, local: 2 }), all);
    nodeOf(made.local, 'eu-2').agent = 'offline';
    const plan = planOff(made, { waitOffline: true });
    expect(lines(plan)).not.toContain('end inventory.put-back coordinator none');
    expect(plan.warnings).toContainEqual(expect.stringMatching(/eu-2.* could not be seen: it stays there/));
  });
});

describe('its key', () => {
  const made = (): World => connected(world({ local: 2 }), { ...rotated, ...one });

  test('is replaced on the nodes that have it alone, by a reload', () => {
    const plan = planKey(made());
    const touched = plan.steps.flatMap(({ input }) => ('node' in input ? [input.node] : []));
    expect([...new Set(touched)]).toEqual(['eu-2']);
    expect(plan.restarts).toEqual([]);
    expect(stepOf(plan, 'connection.prove').input).toMatchObject({ nodes: ['eu-2'] });
    expect(stepOf(plan, 'api-key.verify').input).toMatchObject({ nodes: ['eu-2'] });
    const then = carriedOut(made(), plan.steps);
    expect(isConnected(then, 'us')).toBe(true);
    expect(then.connections).toMatchObject([one]);
  });

  test('is left where no node has the alias any more', () => {
    const gone = made();
    delete nodeOf(gone.local, 'eu-2').running.settings[SEEDS];
    delete nodeOf(gone.local, 'eu-2').running.settings['cluster.remote.us.mode'];
    expect(refusal(gone)).toMatchObject({ message: expect.stringContaining('Cluster eu has no alias us registered') });
  });
});

test('its CA is replaced on the nodes that trust it', () => {
  const made = connected(world({ local: 2 }), one);
  const plan = planCa(made);
  const bundles = plan.steps.filter(({ kind, stage }) => kind === 'node.change' && stage.startsWith('trust'));
  expect(bundles.map(({ target }) => target)).toEqual(['eu-2', 'eu-2']);
  expect(isConnected(applySteps(made, plan.steps), 'us')).toBe(true);
});
