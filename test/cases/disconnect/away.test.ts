import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { connected, lines, stepOf } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { nodeOf, type World, world } from '../connect/world.ts';
import { ownCa, planOff, traces } from './plans.ts';

const CREDENTIALS = 'cluster.remote.us.credentials';

describe('nodes that are away', () => {
  const away =
    (name: string) =>
    (made: World): void => {
      nodeOf(name.startsWith('eu') ? made.local : made.remote, name).agent = 'offline';
    };

  test('a local one is left for later, and the key is invalidated all the same', () => {
    const made = connected(world({ remote: 1, local: 2 }));
    away('eu-2')(made);
    const plan = planOff(made, { waitOffline: true });
    expect(lines(plan)).toEqual([
      'alias cluster-settings.put eu api',
      'credentials node.change eu-1 reload',
      'reload secure-settings.reload eu-1 reload',
      'api-key api-key.invalidate us api',
      'local-roll node.change eu-1 restart',
      'remote-roll node.change us-1 restart',
      'away node.change eu-2 reload',
      'away-reload secure-settings.reload eu-2 reload',
    ]);
    expect(stepOf(plan, 'api-key.invalidate').input).toMatchObject({ locals: ['eu'], away: ['eu/eu-2'] });
    expect(stepOf(plan, 'node.change', 'eu-2').input).toMatchObject({ unseen: { pid: expect.any(Number) } });
    expect(plan.warnings).toEqual([
      expect.stringMatching(
        /^eu-2 is away: the keystore there may have the credential .* The API key is invalidated all the same/,
      ),
      expect.stringMatching(
        /on eu-2 \(cluster eu\) could not be seen: .* until `remora disconnect eu us` is given again/,
      ),
    ]);
    const after = applySteps(made, plan.steps);
    expect(after.keys.map(({ usable }) => usable)).toEqual([false]);
    expect(nodeOf(after.local, 'eu-2').keystore.entries).not.toHaveProperty([CREDENTIALS]);
    nodeOf(after.local, 'eu-2').agent = 'online';
    const rest = planOff(after);
    expect(lines(rest)).toEqual(['local-roll node.change eu-2 restart', 'end inventory.put-back coordinator none']);
    expect(traces(applySteps(after, rest.steps))).toEqual(traces(world({ remote: 1, local: 2 })));
  });

  test('beside another connection nothing else is on it, and the run forgets the connection once it was back', () => {
    const made = connected(connected(world({ remote: 1, local: 2 })), { alias: 'second' });
    away('eu-2')(made);
    const plan = planOff(made, { waitOffline: true });
    expect(lines(plan).slice(-4)).toEqual([
      'away node.change eu-2 reload',
      'away-reload secure-settings.reload eu-2 reload',
      'end connection.record coordinator none',
      'end inventory.put-back coordinator none',
    ]);
    expect(isConnected(applySteps(made, plan.steps), 'second')).toBe(true);
  });

  test('a CA file that nobody saw is not written anew: that is left until the node is back', () => {
    const made = ownCa(connected(connected(world({ remote: 1, local: 2 })), { alias: 'second' }));
    away('eu-2')(made);
    const plan = planOff(made, { waitOffline: true });
    expect(stepOf(plan, 'node.change', 'eu-2').diff).toBe(`- keystore ${CREDENTIALS}, if it is there`);
    expect(plan.warnings).toContainEqual(expect.stringMatching(/on eu-2 \(cluster eu\) could not be seen/));
    const after = applySteps(made, plan.steps);
    const certificates = (one: World) => nodeOf(one.local, 'eu-2').files['remora-remote-cluster-cas.crt']?.certificates;
    expect(certificates(after)).toEqual(certificates(made));
    nodeOf(after.local, 'eu-2').agent = 'online';
    const rest = planOff(after);
    expect(lines(rest)).toEqual([
      'credentials node.change eu-2 file',
      'end connection.record coordinator none',
      'end inventory.put-back coordinator none',
    ]);
    expect(certificates(applySteps(after, rest.steps))).toEqual(['other']);
  });

  test('one that is not in its cluster is told by its agent alone', () => {
    const made = connected(world({ remote: 1, local: 2 }));
    made.local.nodes = made.local.nodes.filter(({ name }) => name !== 'eu-2');
    made.local.absentNodes = ['eu-2'];
    const plan = planOff(made, { waitOffline: true, keepTrust: true });
    expect(stepOf(plan, 'node.change', 'eu-2').input).not.toHaveProperty('unseen');
    expect(plan.steps.filter(({ stage }) => stage === 'away-reload')).toEqual([]);
  });

  test('a remote one keeps its server, and the connection stays on record for it', () => {
    const made = connected(world({ remote: 2, local: 1 }));
    away('us-2')(made);
    const plan = planOff(made, { waitOffline: true });
    expect(plan.restarts).toEqual(['eu-1', 'us-1']);
    expect(plan.steps.map(({ stage }) => stage)).not.toContain('end');
    const after = applySteps(made, plan.steps);
    nodeOf(after.remote, 'us-2').agent = 'online';
    expect(lines(planOff(after))).toEqual([
      'remote-roll node.change us-2 restart',
      'end inventory.put-back coordinator none',
    ]);
  });
});
