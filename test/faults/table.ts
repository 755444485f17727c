import type { Observed } from './baseline.ts';
import type { Case } from './case.ts';
import { caseName } from './case.ts';
import { faultNames } from './faults.ts';
import { diceOf, shuffled } from './seed.ts';
import { type WorkflowName, workflowNames } from './workflows.ts';

/** Every fault at every boundary of the workflows that were observed, in an order that follows from the seed. */
export const allCases = (observed: Readonly<Partial<Record<WorkflowName, Observed>>>, seed: number): Case[] => {
  const cases = workflowNames.flatMap((workflow) =>
    [...(observed[workflow]?.moments.keys() ?? [])].flatMap((boundary) =>
      faultNames.map((fault) => ({ workflow, boundary, fault, seed })),
    ),
  );
  return shuffled(cases, diceOf(seed, 'order'));
};

/** So many cases, each fault about as often as the others. */
export const sampleOf = (cases: readonly Case[], count: number): Case[] => {
  const rounds = faultNames.map((fault) => cases.filter((one) => one.fault === fault));
  const longest = Math.max(...rounds.map(({ length }) => length));
  const inTurn = Array.from({ length: longest }, (_, i) => rounds.flatMap((round) => round[i] ?? [])).flat();
  return inTurn.slice(0, count);
};

/** Those whose name contains one of the patterns, which commas part. */
export const matching = (cases: readonly Case[], patterns: string): Case[] =>
  cases.filter((one) => patterns.split(',').some((pattern) => caseName(one).includes(pattern)));

/** One case of each of these workflows, each with another fault. */
export const oneOfEach = (cases: readonly Case[], names: readonly WorkflowName[]): Case[] =>
  names.flatMap((name, index) => {
    const fault = faultNames[index % faultNames.length];
    return cases.find((one) => one.workflow === name && one.fault === fault) ?? [];
  });
