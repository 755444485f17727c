import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Baseline, observeBaseline } from './baseline.ts';
import { type Case, type CaseResult, runCase } from './case.ts';
import { Stack } from './stack.ts';
import { type WorkflowName, workflowNames } from './workflows.ts';

/** A stack with what an undisturbed run of each workflow leaves on it: paths and ports are its own. */
export interface Lane extends AsyncDisposable {
  readonly stack: Stack;
  readonly baselines: Readonly<Record<WorkflowName, Baseline>>;
}

export const openLane = async (): Promise<Lane> => {
  const stack = await Stack.create(await mkdtemp(join(tmpdir(), 'remora-faults-')));
  try {
    const baselines: Partial<Record<WorkflowName, Baseline>> = {};
    for (const workflow of workflowNames) baselines[workflow] = await observeBaseline(stack, workflow);
    return {
      stack,
      baselines: baselines as Record<WorkflowName, Baseline>,
      [Symbol.asyncDispose]: () => stack.close(),
    };
  } catch (error) {
    await stack.close();
    throw error;
  }
};

/** Runs the cases, each on the first lane that is free. */
export const runCases = async (
  lanes: readonly Lane[],
  cases: readonly Case[],
  onResult: (result: CaseResult) => void,
): Promise<CaseResult[]> => {
  const left = [...cases];
  const results: CaseResult[] = [];
  await Promise.all(
    lanes.map(async ({ stack, baselines }) => {
      for (let next = left.shift(); next; next = left.shift()) {
        const result = await runCase(stack, next, baselines[next.workflow]);
        results.push(result);
        onResult(result);
      }
    }),
  );
  return results;
};
