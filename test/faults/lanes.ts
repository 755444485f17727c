import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Observed, observe } from './baseline.ts';
import { type Case, type CaseResult, type Judge, runCase } from './case.ts';
import { createCheapBed } from './cheap/bed.ts';
import { differences, type FinalState, finalState } from './checks/final-state.ts';
import { broken, startsOf, unknownToNodes } from './checks/invariants.ts';
import { Stack } from './stack/stack.ts';
import { type WorkflowName, workflowNames } from './workflows.ts';

/** A stack with what an undisturbed run of each workflow showed and left on it: paths and ports are its own. */
export interface Lane extends AsyncDisposable {
  readonly stack: Stack;
  readonly observed: Readonly<Partial<Record<WorkflowName, Observed>>>;
  readonly judge: (workflow: WorkflowName) => Judge;
}

export const newDirectory = (): Promise<string> => mkdtemp(join(tmpdir(), 'remora-faults-'));

/** What a rollback has to leave as it was before the run that it takes back. */
const takenBack = ({ clusters, records }: FinalState) => ({ clusters, records });

/** The same of a disconnect, which leaves the CA on record. */
const takenApart = ({ clusters, records: { cas: _, ...records } }: FinalState) => ({ clusters, records });

/** A lane of cheap clusters. */
const openLane = async (names: readonly WorkflowName[]): Promise<Lane> => {
  const stack = await Stack.create(await newDirectory(), createCheapBed);
  try {
    const look = async (workflow: WorkflowName) => {
      const seen = await observe(stack, workflow, async () => ({
        state: await finalState(stack),
        starts: startsOf(stack),
      }));
      const strange = unknownToNodes(stack);
      if (strange.length > 0) throw new Error(`in the undisturbed ${workflow}, ${strange.join('\n')}`);
      return seen;
    };
    const observed: Partial<Record<WorkflowName, Awaited<ReturnType<typeof look>>>> = {};
    for (const name of names) observed[name] = await look(name);
    const { connect, rollback } = observed;
    const left =
      connect && rollback ? differences(takenBack(connect.before.state), takenBack(rollback.left.state)) : [];
    if (left.length > 0) throw new Error(`the undisturbed rollback does not leave what was there: ${left.join('\n')}`);
    const { disconnect } = observed;
    const traces =
      connect && disconnect ? differences(takenApart(connect.before.state), takenApart(disconnect.left.state)) : [];
    if (traces.length > 0)
      throw new Error(`the undisturbed disconnect does not leave what was there: ${traces.join('\n')}`);
    return {
      stack,
      observed,
      judge: (workflow) => (ended) => {
        const seen = observed[workflow];
        if (!seen) throw new Error(`nobody observed ${workflow} here`);
        const { left, restarts } = seen;
        const wanted = { wanted: left.state, wantedStarts: left.starts, wantedRestarts: restarts };
        return broken({ stack, workflow, ...ended, ...wanted });
      },
      [Symbol.asyncDispose]: () => stack.close(),
    };
  } catch (error) {
    await stack.close();
    throw error;
  }
};

/** So many lanes of cheap clusters, in which these workflows can be broken. When one cannot be opened none is left open: each has processes of its own. */
export const openLanes = async (count: number, names: readonly WorkflowName[] = workflowNames): Promise<Lane[]> => {
  const opened = await Promise.allSettled(Array.from({ length: count }, () => openLane(names)));
  const lanes = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = opened.find((one) => one.status === 'rejected');
  if (failed === undefined) return lanes;
  await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
  throw failed.reason;
};

/** Runs the cases, each on the first lane that is free. */
export const runCases = async (
  lanes: readonly Lane[],
  cases: readonly Case[],
  onResult: (result: CaseResult) => Promise<void> | void,
): Promise<CaseResult[]> => {
  const left = [...cases];
  const results: CaseResult[] = [];
  const work = async ({ stack, observed, judge }: Lane): Promise<void> => {
    for (let next = left.shift(); next && !stack.isClosed; next = left.shift()) {
      const known = observed[next.workflow];
      if (!known) throw new Error(`nobody observed ${next.workflow} here`);
      const result = await runCase({ stack, observed: known, judge: judge(next.workflow) }, next);
      results.push(result);
      await onResult(result);
    }
  };
  await Promise.all(lanes.map(work));
  return results;
};
