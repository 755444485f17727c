import { isAtRest, type Run, type RunEvent } from '@remora/shared/model/run.ts';
import type { ApiClient } from '../client/api-client.ts';
import { followRun } from '../client/follow-run.ts';
import type { Cli } from '../frame/cli.ts';
import { runSummary, wentWell } from './run.ts';
import { timingLines } from './timing.ts';

/** Follows a run to its end, or to a pause that was asked for, and answers it; exit 1 unless it went well. With `detach` it is answered as it stands. */
export const followStarted = async (
  cli: Cli,
  client: ApiClient,
  started: Run,
  { detach }: { readonly detach?: true } = {},
): Promise<void> => {
  const run = detach || isAtRest(started.status) ? started : await followRun(client, started, await cli.progress());
  const events =
    detach || cli.json() ? [] : await client.get<RunEvent[]>(`/runs/${encodeURIComponent(run.runId)}/event-list`);
  cli.answer(run, () => runSummary(run, timingLines(run, events)));
  if (!detach && !wentWell(run)) cli.exit(1);
};
