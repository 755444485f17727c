import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEnded, type Run } from '@remora/shared/model/run.ts';
import { keys } from '../../coordinator/src/store/keys.ts';
import type { Stack } from './stack/stack.ts';
import { beforeIt, bodyOf, optionsOf, type WorkflowName, workflows } from './workflows.ts';

/** The run once it has ended and holds nothing any more. */
export const runAtRest = async (stack: Stack, runId: string): Promise<Run> => {
  const redis = stack.redis();
  const { runLimitMs } = stack.bed;
  try {
    for (const deadline = Date.now() + runLimitMs; Date.now() < deadline; await sleep(30)) {
      const isOpen = await Promise.race([redis.sismember(keys.openRuns, runId), sleep(500, 1)]);
      if (isOpen !== 0) continue;
      const run = await stack.api<Run>({ method: 'GET', path: `/runs/${runId}` });
      if (isEnded(run.status)) return run;
    }
    const { status, steps } = await stack.api<Run>({ method: 'GET', path: `/runs/${runId}` });
    const open = steps.filter((step) => !['pending', 'succeeded'].includes(step.status));
    const where = open.map(({ id, status: is, phase }) => `${id} ${is} (${phase})`).join(', ');
    throw new Error(`the run is still ${status} after ${runLimitMs / 1000} s: ${where}`);
  } finally {
    redis.disconnect();
  }
};

/** What was made ready for a workflow. */
export interface Prepared {
  /** The run that was carried out last before it; null where none was. */
  readonly runId: string | null;
  /** What is asked for. */
  readonly body: object;
}

/** Carries out what this workflow needs to be done before. */
export const prepareRun = async (stack: Stack, workflow: WorkflowName): Promise<Prepared> => {
  let last: string | null = null;
  for (const before of beforeIt(workflow)) {
    const { runId } = await startRun(stack, before, { runId: last, body: await bodyOf(stack, before) });
    const { status, error } = await runAtRest(stack, runId);
    if (status !== 'succeeded') throw new Error(`the undisturbed ${before} is ${status}: ${error?.message}`);
    await allOnline(stack);
    last = runId;
  }
  return { runId: last, body: await bodyOf(stack, workflow) };
};

export const startRun = (stack: Stack, workflow: WorkflowName, { runId, body }: Prepared): Promise<Run> => {
  const path = workflows[workflow].path.replace('RUN', runId ?? '');
  const sent = { ...body, options: optionsOf(workflow) };
  return stack.api<Run>({ method: 'POST', path, key: randomUUID(), body: sent });
};

const ONLINE_LIMIT_MS = 45_000;

/** Agents come back in their own time; what is compared afterwards is compared of a fleet that is whole. */
export const allOnline = async (stack: Stack): Promise<void> => {
  let away = '';
  for (const deadline = Date.now() + ONLINE_LIMIT_MS; Date.now() < deadline; await sleep(50)) {
    const nodes = await stack.api<{ name: string; agent: string }[]>({ method: 'GET', path: '/nodes' });
    const offline = nodes.filter(({ agent }) => agent !== 'online');
    if (offline.length === 0) return;
    away = offline.map(({ name }) => name).join(', ');
  }
  throw new Error(`agents of ${away} did not come back`);
};
