import { type Moment, momentsByStep, Watcher } from './moments.ts';
import { allOnline, prepareRun, runAtRest, startRun } from './runs.ts';
import type { Stack } from './stack/stack.ts';
import type { WorkflowName } from './workflows.ts';

/** An undisturbed run: what could be seen in each step, and what it left, which `judge` compares with. */
export interface Observed {
  /** Boundaries in the order in which they came, each with what was seen in it. */
  readonly moments: ReadonlyMap<string, readonly Moment[]>;
  readonly restarts: readonly string[];
}

/** Steps of one kind that run side by side count as one; each node of a roll is one by itself. */
export const boundaryOf = ({ id, kind }: { readonly id: string; readonly kind: string }): string =>
  kind === 'node.change' ? id : kind;

/** The last step's end, and what the run then still has to do. */
export const LAST = 'end';

/** Carries the workflow out undisturbed. `look` sees the stack before the run and after it. */
export const observe = async <T>(
  stack: Stack,
  workflow: WorkflowName,
  look: () => Promise<T>,
): Promise<Observed & { readonly before: T; readonly left: T }> => {
  await stack.start('shared', false);
  try {
    const prepared = await prepareRun(stack, workflow);
    const before = await look();
    const { runId } = await startRun(stack, workflow, prepared);
    const watcher = new Watcher(stack, runId);
    const run = await runAtRest(stack, runId).finally(() => watcher.stop());
    if (run.status !== 'succeeded')
      throw new Error(`the undisturbed ${workflow} is ${run.status}: ${run.error?.message}`);
    await allOnline(stack);
    const moments = new Map<string, Moment[]>();
    for (const [step, seen] of momentsByStep(watcher.moments)) {
      const found = run.steps.find(({ id }) => id === step);
      if (!found) continue;
      const boundary = boundaryOf(found);
      moments.set(boundary, [...(moments.get(boundary) ?? []), ...seen]);
    }
    const last = [...moments.values()].at(-1)?.at(-1);
    if (last) moments.set(LAST, [last]);
    return { moments, restarts: run.restarts, before, left: await look() };
  } finally {
    await stack.stop();
  }
};
