import { RemoraError } from '@remora/shared/errors.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { expect } from 'vitest';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { request } from './facts.ts';
import { lines, planIn } from './plans.ts';
import type { World } from './world.ts';

/** What is wanted in a world, and the plan that shall come out. What is not named is not compared, but restarts, outages and warnings are none then. */
export interface PlanCase {
  readonly name: string;
  readonly world: () => World;
  readonly wish?: Partial<ConnectRequest>;
  /** `stage kind target effect`, all of them in order. */
  readonly steps: readonly string[];
  readonly restarts?: readonly string[];
  readonly outages?: readonly RegExp[];
  readonly warnings?: readonly RegExp[];
  /** Anything else about the plan. */
  readonly also?: (plan: StoredPlan) => void;
}

const expectSentences = (found: readonly string[], wanted: readonly RegExp[]): void => {
  expect(found).toHaveLength(wanted.length);
  for (const [i, pattern] of wanted.entries()) expect(found[i]).toMatch(pattern);
};

export const checkPlan = ({ world, wish, steps, restarts, outages, warnings, also }: PlanCase): void => {
  const plan = planIn(world(), request(wish));
  expect(lines(plan)).toEqual(steps);
  expect(plan.restarts).toEqual(restarts ?? []);
  expectSentences(plan.outages, outages ?? []);
  expectSentences(plan.warnings, warnings ?? []);
  also?.(plan);
};

/** Input that is refused: the finding of one check, its code and a part of its sentence. */
export interface RefusalCase {
  readonly name: string;
  readonly world: () => World;
  readonly wish?: Partial<ConnectRequest>;
  readonly code: RemoraError['code'];
  readonly check: string;
  readonly says: string;
  /** How many findings there are in all; one when not named. */
  readonly findings?: number;
}

const refusalOf = (plan: () => unknown): RemoraError => {
  try {
    plan();
  } catch (error) {
    if (error instanceof RemoraError) return error;
    throw error;
  }
  throw new Error('it was planned');
};

export const checkRefusal = ({ world, wish, code, check, says, findings }: RefusalCase): void => {
  const error = refusalOf(() => planIn(world(), request(wish)));
  expect(error.findings.filter((finding) => finding.startsWith(`${check}: `)).join('\n')).toContain(says);
  expect(error.findings).toHaveLength(findings ?? 1);
  expect(error.message).toContain(error.findings[0]?.replace(/^[a-z-]+: /, ''));
  expect(error.code).toBe(code);
  expect(error.kind.exit).toBe(64);
};
