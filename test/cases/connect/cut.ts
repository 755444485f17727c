import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from './apply.ts';
import { lines, planIn } from './plans.ts';
import { isConnected } from './truth.ts';
import type { World } from './world.ts';

/** A step during which the node died: its files are written, its process is the old one. */
const withoutRestart = (step: AnyStep): AnyStep =>
  step.kind === 'node.change'
    ? { ...step, input: { ...step.input, operations: step.input.operations.filter(({ name }) => name !== 'service') } }
    : step;

/** Where a run ended: after so many steps, counted around, and whether the node of the next one was down then. */
export interface Cut {
  readonly at: number;
  readonly died: boolean;
}
export const cuts: fc.Arbitrary<Cut> = fc.record({ at: fc.nat(40), died: fc.boolean() });

/** The world after a run that ended anywhere, or while a node was down. */
export const cutOff = (world: World, steps: readonly AnyStep[], { at, died }: Cut): World => {
  const end = at % (steps.length + 1);
  const kept = steps.slice(0, end);
  const struck = died ? steps[end] : undefined;
  return applySteps(world, struck?.kind === 'node.change' ? [...kept, withoutRestart(struck)] : kept);
};

/** The next plan makes it whole, and leaves nothing to do. */
export const expectToBeCompleted = (half: World, wish: ConnectRequest): World => {
  const whole = applySteps(half, planIn(half, wish).steps);
  expect(isConnected(whole, wish.alias)).toBe(true);
  expect(lines(planIn(whole, wish))).toEqual([]);
  return whole;
};
