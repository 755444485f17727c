import { setTimeout as sleep } from 'node:timers/promises';
import { isAtRest, type Run, type RunEvent } from '@remora/shared/model/run.ts';
import type { ApiClient } from '../../client/api-client.ts';
import { followRun } from '../../client/follow-run.ts';
import type { Cli } from '../../frame/cli.ts';
import { runSummary, wentWell } from '../run.ts';
import { timingLines } from './timing.ts';

const PENDING_MS = 500;

/** Of a run that failed and is taken back by itself: waits until that has ended too, and answers it as it stands then. */
const takenBack = async (cli: Cli, client: ApiClient, failed: Run): Promise<Run> => {
  const look = (runId: string): Promise<Run> => client.get<Run>(`/runs/${encodeURIComponent(runId)}`);
  let run = failed;
  for (; run.rollbackPending; run = await look(run.runId)) await sleep(PENDING_MS);
  if (run.status !== 'failed' || !run.rollback) return run;
  cli.note(`It failed, and is rolled back by run ${run.rollback}.`);
  await followRun(client, await look(run.rollback), await cli.progress());
  return look(run.runId);
};

/** Follows a run to its end, or to a pause that was asked for, and answers it; exit 1 unless it went well, and whether it did. With `detach` it is answered as it stands. */
export const followStarted = async (
  cli: Cli,
  client: ApiClient,
  started: Run,
  { detach }: { readonly detach?: true } = {},
): Promise<boolean> => {
  const followed = !detach && !isAtRest(started.status);
  const ended = followed ? await followRun(client, started, await cli.progress()) : started;
  const run = followed ? await takenBack(cli, client, ended) : ended;
  const events =
    detach || cli.json() ? [] : await client.get<RunEvent[]>(`/runs/${encodeURIComponent(run.runId)}/event-list`);
  cli.answer(run, () => runSummary(run, timingLines(run, events)));
  if (!detach && !wentWell(run)) cli.exit(1);
  return !detach && wentWell(run);
};
