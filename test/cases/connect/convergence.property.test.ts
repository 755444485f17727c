import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applySteps } from './apply.ts';
import { damage, requests, shuffled, worlds } from './arbitraries.ts';
import { cutOff, cuts, expectToBeCompleted } from './cut.ts';
import { connected, lines, planIn } from './plans.ts';
import { isConnected } from './truth.ts';

/** Runs are tried again by planning anew, so what a plan leaves behind, whole or cut off anywhere, must be understood by the next one. */

const runs = { numRuns: 120 };

describe('a plan', () => {
  test('that was carried out leaves nothing to do, however the nodes are listed then', () => {
    fc.assert(
      fc.property(worlds, requests, fc.nat(99), (world, wish, seed) => {
        const after = applySteps(world, planIn(world, wish).steps);
        expect(isConnected(after, wish.alias)).toBe(true);
        expect(lines(planIn(shuffled(after, seed), wish))).toEqual([]);
      }),
      runs,
    );
  });

  test('that was cut off anywhere is completed by the next one, also with other values', () => {
    fc.assert(
      fc.property(worlds, requests, requests, cuts, (world, wish, next, cut) => {
        const half = cutOff(world, planIn(world, wish).steps, cut);
        expectToBeCompleted(half, { ...next, ...(wish.expires ? { expires: next.expires ?? '30d' } : {}) });
      }),
      runs,
    );
  });

  test('that was limited to some nodes changes no other, and the next one does the rest', () => {
    fc.assert(
      fc.property(worlds, requests, fc.array(fc.nat(9), { minLength: 1, maxLength: 3 }), (world, wish, picks) => {
        const all = [...world.remote.nodes, ...world.local.nodes];
        const named = picks.map((pick) => all[pick % all.length]?.name ?? '');
        const limited = { ...wish, nodes: named };
        const plan = planIn(world, limited);
        for (const { input } of plan.steps) if ('node' in input) expect(named).toContain(input.node);
        const half = applySteps(world, plan.steps);
        expect(lines(planIn(half, limited))).toEqual([]);
        expectToBeCompleted(half, wish);
      }),
      runs,
    );
  });

  test('mends what people, tools and time did, also when it is cut off and made anew', () => {
    fc.assert(
      fc.property(worlds, requests, damage, cuts, (world, wish, { harm }, cut) => {
        const made = applySteps(world, planIn(world, wish).steps);
        const harmed = harm(made);
        expectToBeCompleted(cutOff(harmed, planIn(harmed, wish).steps, cut), wish);
      }),
      runs,
    );
  });

  test('of a second alias is completed after a cut, without a restart and without harm to the first', () => {
    fc.assert(
      fc.property(worlds, requests, cuts, (world, { remoteHost: _host, remotePort: _port, ...wish }, cut) => {
        const first = connected(world, { alias: 'first' });
        const { steps, restarts } = planIn(first, wish);
        expect(restarts).toEqual([]);
        const whole = expectToBeCompleted(cutOff(first, steps, cut), wish);
        expect(isConnected(whole, 'first')).toBe(true);
      }),
      runs,
    );
  });

  test('restarts each node at most once, the nodes of one cluster in one stage', () => {
    fc.assert(
      fc.property(worlds, requests, (world, wish) => {
        const plan = planIn(world, wish);
        const restarts = plan.steps.filter(({ effect }) => effect === 'restart');
        expect(restarts.map(({ target }) => target)).toEqual(plan.restarts);
        expect(new Set(plan.restarts).size).toBe(plan.restarts.length);
        expect(new Set(plan.steps.map(({ id }) => id)).size).toBe(plan.steps.length);
        const stages = plan.stages.map(({ id }) => id);
        const order = plan.steps.map(({ stage }) => stages.indexOf(stage));
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }),
      runs,
    );
  });

  test('is the same for the same facts, however the cluster lists its nodes', () => {
    fc.assert(
      fc.property(worlds, requests, fc.nat(99), (world, wish, seed) => {
        const [a, b] = [planIn(world, wish), planIn(shuffled(world, seed), wish)];
        expect(b.hash).toBe(a.hash);
        expect(b).toEqual(a);
      }),
      runs,
    );
  });
});
