import type { RestartRequest } from '@remora/shared/model/requests/restart-request.ts';
import { describe, expect, test } from 'vitest';
import { planRestart } from '../../../coordinator/src/plan/restart/restart.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { nodeOf, type World, world } from '../connect/world.ts';

const plan = (made: World, wish: Partial<RestartRequest> = {}): StoredPlan =>
  planRestart({ cluster: 'us', ...wish }, factsOf(made, request()).remote, {
    ...{ planId: 'plan-1', now: '2026-03-01T12:00:00.000Z', hash: sha256 },
  });

describe('restart', () => {
  test('has one step a node, in one roll, the elected master last', () => {
    const made = plan(world({ remote: 3 }));
    expect(made.restarts).toEqual(['us-2', 'us-3', 'us-1']);
    expect(made.stages.map(({ mode }) => mode)).toEqual(['roll']);
    for (const step of made.steps) {
      expect(step).toMatchObject({ kind: 'node.change', effect: 'restart' });
      if (step.kind === 'node.change') expect(step.input.operations.map(({ name }) => name)).toEqual(['service']);
    }
    expect([made.outages, made.clusters]).toEqual([[], ['us']]);
  });

  test('names the process that it saw, so that the plan is another one when the node was restarted meanwhile', () => {
    const before = world({ remote: 3 });
    const after = world({ remote: 3 });
    nodeOf(after.remote, 'us-2').startedAtMs += 1000;
    expect(plan(before).hash).toBe(plan(world({ remote: 3 })).hash);
    expect(plan(after).hash).not.toBe(plan(before).hash);
  });

  test('of named nodes leaves the others alone', () => {
    expect(plan(world({ remote: 3 }), { nodes: ['us-1', 'us-3'] }).restarts).toEqual(['us-3', 'us-1']);
    const bad = world({ remote: 3 });
    nodeOf(bad.remote, 'us-2').agent = 'missing';
    expect(plan(bad, { nodes: ['us-1'] }).restarts).toEqual(['us-1']);
  });

  test('with --wait-offline plans nodes whose agents are away, says so, and is the same plan when they are back', () => {
    const away = world({ remote: 3 });
    nodeOf(away.remote, 'us-3').agent = 'offline';
    const made = plan(away, { waitOffline: true });
    expect(made.restarts).toEqual(['us-2', 'us-3', 'us-1']);
    const { pid, startedAtMs } = nodeOf(away.remote, 'us-3');
    const step = made.steps.find(({ target }) => target === 'us-3');
    expect(step?.reason).toMatch(/its agent is away/);
    expect(step?.input).toMatchObject({ unseen: { pid, startedAtMs } });
    expect(JSON.stringify(step)).not.toContain('replaces');
    expect(made.steps.filter(({ input }) => 'unseen' in input)).toEqual([step]);
    expect(made.warnings[0]).toMatch(/The agent of us-3 \(cluster us\) is offline: the run leaves this node/);
    expect(plan(world({ remote: 3 }), { waitOffline: true })).toMatchObject({ hash: made.hash, warnings: [] });
    nodeOf(away.remote, 'us-3').startedAtMs += 1000;
    expect(plan(away, { waitOffline: true }).hash).not.toBe(made.hash);
    nodeOf(away.remote, 'us-2').agent = 'missing';
    expect(() => plan(away, { waitOffline: true })).toThrow(expect.objectContaining({ code: 'agent-missing' }));
  });

  test('states what becomes unavailable', () => {
    expect(plan(world({ remote: 1 })).outages).toEqual([
      'Cluster us has one node: it is unavailable while us-1 restarts.',
    ]);
    expect(plan(world({ remote: 2 })).outages[0]).toContain('two master-eligible nodes');
  });

  test.each<[string, (made: World) => void, string, RegExp]>([
    ['an unknown node', () => undefined, 'bad-input', /no node "us-9": it has us-1, us-2, us-3/],
    [
      'an absent node',
      (made) => made.remote.absentNodes.push('us-4'),
      'preflight-failed',
      /Node us-4 has an agent and is not in cluster us/,
    ],
    [
      'a node without an agent',
      (made) => Object.assign(nodeOf(made.remote, 'us-2'), { agent: 'missing' }),
      'agent-missing',
      /us-2 of cluster us has no agent/,
    ],
    [
      'an agent that is away',
      (made) => Object.assign(nodeOf(made.remote, 'us-3'), { agent: 'offline' }),
      'agent-offline',
      /agent of node us-3/,
    ],
    [
      'an agent that failed',
      (made) => Object.assign(nodeOf(made.remote, 'us-3'), { agent: { failed: 'broken' } }),
      'preflight-failed',
      /could not look at the node: broken/,
    ],
    [
      'an agent elsewhere',
      (made) => Object.assign(nodeOf(made.remote, 'us-3'), { agentPid: 7 }),
      'wrong-node',
      /sees a process with id 7/,
    ],
  ])('is refused for %s', (what, bend, code, message) => {
    const made = world({ remote: 3 });
    bend(made);
    const nodes = what === 'an unknown node' ? { nodes: ['us-9'] } : {};
    expect(() => plan(made, nodes)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});
