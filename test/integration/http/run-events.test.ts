import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readServerEvents, type ServerEvent } from '../../../coordinator/src/cli/client/server-events.ts';
import { adminToken, type HttpFleet, startHttpFleet } from '../../support/http-app.ts';
import { smallPlan } from '../../support/small-plan.ts';

let http: HttpFleet;
let url: string;
beforeAll(async () => {
  http = await startHttpFleet();
  await http.app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(http.app.server.address() as AddressInfo).port}/api/v1/runs`;
});
afterAll(() => http.stop());

const follow = async (runId: string, lastId?: string): Promise<ServerEvent[]> => {
  const headers = {
    authorization: `Bearer ${adminToken}`,
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  };
  const response = await fetch(`${url}/${runId}/events`, { headers });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  if (!response.body) throw new Error('the stream has no body');
  const events: ServerEvent[] = [];
  for await (const event of readServerEvents(response.body)) events.push(event);
  return events;
};

it('tells a run from its beginning to its end, then ends', async () => {
  const run = await http.engine.start(smallPlan('plan-a'), { actor: 'admin' });
  const events = await follow(run.runId);
  const seqs = events.slice(0, -1).map(({ id }) => Number(id));
  expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i));
  expect(events.at(-1)).toMatchObject({ type: 'end', data: JSON.stringify({ runId: run.runId, status: 'succeeded' }) });
  expect(events.some(({ type, data }) => type === 'step' && JSON.parse(data).status === 'succeeded')).toBe(true);
});

it('goes on after the last event that was seen', async () => {
  const run = await http.engine.start(smallPlan('plan-b'), { actor: 'admin' });
  const all = await follow(run.runId);
  const [first] = all;
  expect(await follow(run.runId, first?.id ?? '')).toEqual(all.slice(1));
});

it('serves many followers, and lists the events without a stream', async () => {
  const run = await http.engine.start(smallPlan('plan-c'), { actor: 'admin' });
  const [one, ...others] = await Promise.all(Array.from({ length: 5 }, () => follow(run.runId)));
  for (const other of others) expect(other).toEqual(one);
  const list = await fetch(`${url}/${run.runId}/event-list`, { headers: { authorization: `Bearer ${adminToken}` } });
  expect(await list.json()).toEqual(one?.slice(0, -1).map(({ data }) => JSON.parse(data)));
});

it('shows runs newest first', async () => {
  const run = await http.engine.start(smallPlan('plan-d'), { actor: 'admin' });
  await http.engine.waitUntilEnded(run.runId, AbortSignal.timeout(30_000));
  const response = await fetch(url, { headers: { authorization: `Bearer ${adminToken}` } });
  expect(((await response.json()) as { runId: string }[])[0]).toMatchObject({
    runId: run.runId,
    status: 'succeeded',
    actor: 'admin',
  });
});
