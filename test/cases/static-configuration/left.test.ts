import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { nodeOf, type World, world } from '../connect/world.ts';
import { planOff, refusalOf as refusedOff } from '../disconnect/plans.ts';
import { planKey, refusal as refusedKey, wish as rotated } from '../rotate-key/plans.ts';
import { all, done, linesOf, one, prove, roll } from './places.ts';

/** Nodes that have something of an alias in elasticsearch.yml still, and are not asked, or cannot be. */

const SKIP = 'cluster.remote.us.skip_unavailable';

/** All nodes had the alias, and a run that was to leave it to eu-2 came no further than its record. */
const halfLeft = (): World => {
  const before = connected(world({ local: 3 }), { ...rotated, ...all });
  return applySteps(before, planIn(before, request({ ...rotated, ...one })).steps.slice(0, 1));
};

const refused = (made: World, wish: Parameters<typeof request>[0]): unknown => {
  try {
    return planIn(made, request(wish));
  } catch (error) {
    return error;
  }
};

describe('connect', () => {
  test.each(['missing', 'offline'] as const)(
    'says that the agent of a node is %s which is to lose lines that it has, and connects by them meanwhile',
    (agent) => {
      const made = halfLeft();
      nodeOf(made.local, 'eu-3').agent = agent;
      expect(refused(made, { ...rotated, ...one })).toMatchObject({
        code: `agent-${agent}`,
        message: expect.stringContaining('eu-3'),
      });
      nodeOf(made.local, 'eu-3').agent = 'online';
      expect(linesOf(done(made, { ...rotated, ...one }), 'eu-3')).toEqual({});
    },
  );

  test('asks nothing of a node that never had the lines', () => {
    const made = connected(world({ local: 3 }), one);
    nodeOf(made.local, 'eu-3').agent = 'missing';
    expect(lines(planIn(made, request(one)))).toEqual([]);
  });

  test('restarts a node whose process still has a line that went from its file', () => {
    const made = connected(world({ local: 2 }), { ...one, skipUnavailable: false });
    delete nodeOf(made.local, 'eu-2').yml.values[SKIP];
    const plan = planIn(made, request(one));
    expect(lines(plan)).toEqual([...roll('eu-2'), prove]);
    expect(stepOf(plan, 'node.change', 'eu-2').reason).toContain(`the running process still has ${SKIP}`);
    done(made, one);
  });

  test('warns that replication does not ask which nodes have the alias', () => {
    const wish = { ...one, replication: ['archive-*'] };
    expect(planIn(world({ local: 3 }), request(wish)).warnings).toEqual([
      expect.stringMatching(/^The key grants replication, .* eu-1, eu-3 \(cluster eu\) will not know us/),
    ]);
    expect(planIn(world({ local: 3 }), request({ ...wish, ...all })).warnings).toEqual([]);
  });
});

describe('the key', () => {
  test('is not replaced while a node that is not to connect any more has the old one, which could not be invalidated', () => {
    expect(refusedKey(halfLeft())).toMatchObject({
      code: 'preflight-failed',
      message: expect.stringMatching(
        /^Node eu-1 of cluster eu is not to connect by us and still has the old key as cluster\.remote\.us\.credentials in its keystore, .*`remora connect eu us --alias us`/,
      ),
    });
    expect(planKey(done(halfLeft(), { ...rotated, ...one })).steps).not.toEqual([]);
  });

  test('says which nodes it was for where none of them is there any more', () => {
    const made = connected(world({ local: 3 }), { ...rotated, ...one });
    made.local.nodes = made.local.nodes.filter(({ name }) => name !== 'eu-2');
    expect(refusedKey(made).findings).toContain(
      'None of the nodes in whose elasticsearch.yml us is to stand (eu-2) is in cluster eu with the role remote_cluster_client.',
    );
  });
});

describe('disconnect', () => {
  test('does not forget a connection while a node without an agent has the lines', () => {
    const made = connected(world({ remote: 1, local: 2 }), all);
    nodeOf(made.local, 'eu-2').agent = 'missing';
    expect(refusedOff(made)).toMatchObject({
      code: 'agent-missing',
      message: expect.stringContaining(
        'Node eu-2 of cluster eu has cluster.remote.us.mode from its elasticsearch.yml, and no agent that could take it out',
      ),
    });
  });

  test('nor while one that is away may have them, also half-way back to the settings of the cluster', () => {
    const before = connected(connected(world({ remote: 1, local: 2 }), all), { alias: 'second' });
    const made = applySteps(before, planIn(before, request()).steps.slice(0, 2));
    nodeOf(made.local, 'eu-2').agent = 'offline';
    const plan = planOff(made, { waitOffline: true });
    expect(lines(plan)).not.toContain('end inventory.put-back coordinator none');
    expect(plan.warnings).toContainEqual(expect.stringMatching(/eu-2.* could not be seen: it stays there/));
  });
});
