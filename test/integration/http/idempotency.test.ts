import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminToken, type HttpFleet, startHttpFleet } from '../../support/http-app.ts';
import { serialPlan } from '../run/effects.ts';

let http: HttpFleet;
beforeAll(async () => {
  http = await startHttpFleet();
});
afterAll(() => http.stop());

const put = (name: string, value: string, key: string) =>
  http.app.inject({
    method: 'PUT',
    url: `/api/v1/secrets/${name}`,
    payload: { value },
    headers: { authorization: `Bearer ${adminToken}`, 'idempotency-key': key },
  });

it('takes effect once, however often a request is sent', async () => {
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 8 }, () => put('once', 'value', key)));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(8).fill(204));
  expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(7);
  expect(await http.fleet.secrets.latestVersion('once')).toBe(1);
  await put('once', 'value', randomUUID());
  expect(await http.fleet.secrets.latestVersion('once')).toBe(2);
});

it('refuses a key that was used for something else', async () => {
  const key = randomUUID();
  await put('first', 'value', key);
  const second = await put('second', 'value', key);
  expect(second.json()).toMatchObject({ code: 'bad-input', detail: expect.stringMatching(/another request/) });
});

it('lets what failed be tried again under the same key', async () => {
  const key = randomUUID();
  const remove = () =>
    http.app.inject({
      method: 'DELETE',
      url: '/api/v1/secrets/later',
      headers: { authorization: `Bearer ${adminToken}`, 'idempotency-key': key },
    });
  expect((await remove()).statusCode).toBe(404);
  await put('later', 'value', randomUUID());
  expect((await remove()).statusCode).toBe(204);
  expect((await remove()).statusCode).toBe(204);
});

it.each(['short', 'x'.repeat(200), 'with blanks in it'])('refuses the key %j', async (key) => {
  expect((await put('any', 'value', key)).statusCode).toBe(400);
});

it('stores no request: a canary in a body is nowhere in Redis', async () => {
  await put('canary', 'canary-7f3a9c', randomUUID());
  expect(await http.fleet.store.filesText()).not.toContain('canary-7f3a9c');
});

it('answers the run of a key whose first answer was lost, and plans nothing anew', async () => {
  const key = randomUUID();
  const run = await http.engine.start(serialPlan(['us'], 0), { actor: 'admin', idempotencyKey: key });
  const payload = { local: 'eu', remote: 'us', alias: 'us', mode: 'sniff', search: ['logs-*'] };
  const connect = (header: string) =>
    http.app.inject({
      ...{ method: 'POST', url: '/api/v1/connections', payload },
      headers: { authorization: `Bearer ${adminToken}`, 'idempotency-key': header },
    });
  expect((await connect(key)).json()).toMatchObject({ runId: run.runId });
  // Another key is planned, which fails here: nothing listens where these clusters should be.
  expect((await connect(randomUUID())).statusCode).toBeGreaterThanOrEqual(400);
});
