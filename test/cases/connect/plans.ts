import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { planConnect } from '../../../coordinator/src/plan/connect/connect.ts';
import type { PlannedStep, StepKind, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from './apply.ts';
import { factsOf, request, sha256 } from './facts.ts';
import type { World } from './world.ts';

export const planIn = (world: World, wish: ConnectRequest): StoredPlan =>
  planConnect(wish, factsOf(world, wish), {
    planId: 'plan-1',
    now: new Date(world.nowMs).toISOString(),
    hash: sha256,
  });

/** The world in which this connection was made, by the planner's own plan. */
export const connected = (world: World, wish: Partial<ConnectRequest> = {}): World =>
  applySteps(world, planIn(world, request(wish)).steps);

/** A plan's steps in a line each: `stage kind target effect`. */
export const lines = ({ steps }: StoredPlan): string[] =>
  steps.map(({ stage, kind, target, effect }) => `${stage} ${kind} ${target} ${effect}`);

/** The first step of this kind, on this target when one is named; throws when there is none. */
export const stepOf = <K extends StepKind>(plan: StoredPlan, kind: K, target?: string): PlannedStep<K> => {
  const found = plan.steps.find((step) => step.kind === kind && (target === undefined || step.target === target));
  if (!found) throw new Error(`there is no ${kind}${target === undefined ? '' : ` on ${target}`} in the plan`);
  return found as PlannedStep<K>;
};
