import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEnded, type Run } from '@remora/shared/model/run.ts';
import { keys } from '../../coordinator/src/store/keys.ts';
import type { Stack } from './stack/stack.ts';
import { optionsOf, type WorkflowName, workflows } from './workflows.ts';

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

/** What this workflow needs to be done before: null, or the id of the run that did it. */
export const prepareRun = async (stack: Stack, workflow: WorkflowName): Promise<string | null> => {
  const { after } = workflows[workflow];
  if (after === null) return null;
  const { runId } = await startRun(stack, after, null);
  const { status, error } = await runAtRest(stack, runId);
  if (status !== 'succeeded') throw new Error(`the undisturbed ${after} is ${status}: ${error?.message}`);
  await allOnline(stack);
  return runId;
};

export const startRun = (stack: Stack, workflow: WorkflowName, prepared: string | null): Promise<Run> => {
  const { path, body } = workflows[workflow];
  const sent = { ...body, options: optionsOf(workflow) };
  return stack.api<Run>({ method: 'POST', path: path.replace('RUN', prepared ?? ''), key: randomUUID(), body: sent });
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
