import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { RunEvent } from '@remora/shared/model/run.ts';
import type { Fleet } from './fleet.ts';

/** All events of a run, read from its event stream until that ends, as it does after the run has ended. */
export const runEvents = async (fleet: Fleet, runId: string): Promise<RunEvent[]> => {
  const token = readFileSync(join(fleet.dataDirectory, 'admin.token'), 'utf8').trim();
  const ca = readFileSync(join(fleet.dataDirectory, 'fleet-ca.crt'));
  const stream = await new Promise<string>((resolve, reject) => {
    const call = request(`${fleet.url}/api/v1/runs/${runId}/events`, {
      ca,
      headers: { authorization: `Bearer ${token}` },
    });
    call
      .once('error', reject)
      .once('response', (answer) => resolve(text(answer)))
      .end();
  });
  return [...stream.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as RunEvent);
};
