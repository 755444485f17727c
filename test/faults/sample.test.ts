import { afterAll, beforeAll, expect, it } from 'vitest';
import { caseName } from './case.ts';
import { type Lane, openLanes, runCases } from './lanes.ts';
import { failuresOf } from './report.ts';
import { allCases, oneOfEach, sampleOf } from './table.ts';
import type { WorkflowName } from './workflows.ts';

/** One case of each fault, always the same, so that a change that breaks one is seen at once; `npm run faults` tries the others. */
const SEED = 7;
const CASES = 10;
const SAMPLED = [
  'connect',
  'disconnect',
  'restart',
  'rotate-certificates',
  'rotate-ca',
  'rotate-key',
  'rollback',
] as const satisfies readonly WorkflowName[];
/** And one case of each of these. */
const ONCE = ['connect-foreign', 'sign-requests', 'connect-certificate', 'cloud-deployment'] as const;
/** Each observes all workflows first, and two would do so at once. */
const LANES = 1;
/** Far more than it takes: other tests run beside it. */
const LIMIT_MS = 900_000;

let lanes: Lane[];

beforeAll(async () => {
  lanes = await openLanes(LANES, [...SAMPLED, ...ONCE]);
}, LIMIT_MS);
afterAll(async () => {
  await Promise.all((lanes ?? []).map((lane) => lane[Symbol.asyncDispose]()));
});

it(
  'runs that were broken leave what undisturbed ones leave, a sample of all cases',
  async () => {
    const [first] = lanes;
    const of = (names: readonly WorkflowName[]) =>
      allCases(Object.fromEntries(names.map((name) => [name, first?.observed[name]])), SEED);
    const cases = [...sampleOf(of(SAMPLED), CASES), ...oneOfEach(of(ONCE), ONCE)];
    const results = await runCases(lanes, cases, () => undefined);
    expect(failuresOf(results)).toEqual([]);
    expect(results.map(caseName).sort()).toEqual(cases.map(caseName).sort());
    expect(results).toHaveLength(CASES + ONCE.length);
  },
  LIMIT_MS,
);
