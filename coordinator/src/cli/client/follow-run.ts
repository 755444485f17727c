import { setTimeout as sleep } from 'node:timers/promises';
import { isAtRest, type Run, type RunEvent } from '@remora/shared/model/run.ts';
import type { Progress } from '../show/progress/progress.ts';
import type { ApiClient } from './api-client.ts';

/**
 * Follows a run until it has ended or pauses, whatever happens to the connection meanwhile: a stream that ends early is asked for again from the last event that
 * was seen. Answers the run as it ended; throws `coordinator-unreachable` when no coordinator was found for 20 s (the run goes on without us).
 */
export const followRun = async (client: ApiClient, started: Run, progress: Progress): Promise<Run> => {
  const path = `/runs/${encodeURIComponent(started.runId)}`;
  let run = started;
  let lastId: string | null = null;
  progress.begin(run);
  try {
    while (!isAtRest(run.status)) {
      for await (const event of client.events(`${path}/events`, lastId)) {
        if (event.id === null) continue;
        lastId = event.id;
        progress.event(JSON.parse(event.data) as RunEvent);
      }
      run = await client.get<Run>(path);
      if (!isAtRest(run.status)) await sleep(300);
    }
  } finally {
    progress.end();
  }
  return run;
};
