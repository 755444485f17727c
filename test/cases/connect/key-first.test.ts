import { describe, expect, test } from 'vitest';
import { disconnected, planOff, traces } from '../disconnect/plans.ts';
import { applySteps } from './apply.ts';
import { request } from './facts.ts';
import { planIn, stepOf } from './plans.ts';
import { isConnected } from './truth.ts';
import { world } from './world.ts';

/** The key is made before any node is changed; a run may end anywhere between that and the first local node. */

const bare = () => world({ remote: 2, local: 2 });

const wishes = [
  ['in the settings of the cluster', request()],
  ['in files', request({ staticNodes: 'all' })],
  ['signed', request({ certificateIdentity: 'CN=eu-us' })],
] as const;

describe.each(wishes)('an alias %s: a run that made the key and came to no local node', (_, wish) => {
  const { steps } = planIn(bare(), wish);
  const made = steps.findIndex(({ kind }) => kind === 'api-key.create') + 1;
  const local = steps.findIndex(({ input }) => 'node' in input && input.cluster === 'eu');
  const halves = Array.from({ length: local - made + 1 }, (__, more) =>
    applySteps(bare(), steps.slice(0, made + more)),
  );

  test('has changed no node before', () => {
    expect(made).toBeGreaterThan(0);
    expect(steps.slice(0, made).filter(({ input }) => 'node' in input)).toEqual([]);
  });

  test('leaves a key that the same command takes', () => {
    for (const half of halves) {
      const plan = planIn(half, wish);
      expect(plan.steps.filter(({ kind }) => kind.startsWith('api-key.create'))).toEqual([]);
      const whole = applySteps(half, plan.steps);
      expect([isConnected(whole, 'us'), whole.keys.length]).toEqual([true, 1]);
    }
  });

  test('leaves a key that grants something else where that is wanted then', () => {
    for (const half of halves) {
      const plan = planIn(half, { ...wish, search: ['other-*'] });
      expect(stepOf(plan, 'api-key.update').input).toMatchObject({ id: half.keys[0]?.record.id });
    }
  });

  test('is taken apart with the key', () => {
    for (const half of halves) {
      expect(stepOf(planOff(half), 'api-key.invalidate').input).toMatchObject({ id: half.keys[0]?.record.id });
      const after = disconnected(half);
      expect(traces(after)).toEqual(traces(bare()));
      expect([after.keys, after.connections]).toEqual([[], []]);
    }
  });
});
