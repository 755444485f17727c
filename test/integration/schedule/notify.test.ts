import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { openNotifier } from '../../../coordinator/src/notify/notifier.ts';
import { WEBHOOK } from '../../../coordinator/src/notify/record.ts';
import { createCa } from '../../../coordinator/src/pki/ca.ts';
import { issueCertificate } from '../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair } from '../../../coordinator/src/pki/keys.ts';
import type { Patience } from '../../../coordinator/src/queue/notify-jobs.ts';
import type { ScheduleNews } from '../../../coordinator/src/schedule/look.ts';
import { openInventory } from '../../../coordinator/src/store/inventory.ts';
import { startRedis } from '../../support/redis.ts';
import { until } from '../run/bench.ts';
import { startReceiver } from './receiver.ts';

const secret = `whsec_${randomBytes(32).toString('base64')}`;
const now = new Date('2026-06-01T03:00:00.000Z');

const news: ScheduleNews = {
  type: 'schedule.failed',
  id: 'nightly/2026-06-01T03:00:00.000Z',
  schedule: {
    ...{ name: 'nightly', cron: '0 3 * * *', timezone: 'UTC', do: 'rotate-expiring', arguments: {}, options: {} },
    ...{ window: null, jitter: null, paused: false, pausedBecause: null, createdAt: '', doneUntil: '', fire: null },
    last: null,
  },
  result: {
    ...{ at: now.toISOString(), outcome: 'failed', runId: 'run-1', message: 'It failed.', findings: ['Of this.'] },
  },
};

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const receiverTls = async () => {
  const validity = { validityMs: 86_400_000, now: new Date() };
  const ca = await createCa({ commonName: 'receivers', validityDays: 1, keyBits: 2048, now: validity.now });
  const pair = await generateRsaKeyPair(2048);
  const { certificatePem } = issueCertificate({
    ...{ ca, publicKeyPem: pair.publicKeyPem, subject: { commonName: 'localhost' }, usage: ['server'], ...validity },
    sans: { dns: ['localhost'], ip: [] },
  });
  return { caPem: ca.certificatePem, tls: { cert: certificatePem, key: pair.privateKeyPem } };
};

const setUp = async (patience?: Patience) => {
  const { caPem, tls } = await receiverTls();
  const [redis, receiver] = await Promise.all([startRedis(), startReceiver(secret, tls)]);
  cleanups.push(
    () => redis.stop(),
    () => receiver.stop(),
  );
  const connection = redis.connect();
  const { webhooks } = openInventory(connection);
  await webhooks.put(WEBHOOK, {
    ...{ url: receiver.url, secret: 'secret:notify/webhook@1', caPem, setAt: now.toISOString() },
    ...{ delivered: null, givenUp: null },
  });
  const said: string[] = [];
  const log = { info: () => undefined, warn: (_: object, message: string) => void said.push(message) };
  const notifier = openNotifier(
    { path: connection.options.path ?? '' },
    { webhooks, log, clock: () => new Date(), secret: async () => secret, ...(patience ? { patience } : {}) },
  );
  cleanups.push(() => notifier.close());
  return { notifier, receiver, webhooks, said };
};

describe('news of a schedule', () => {
  test('come over TLS, signed, again and again under the same id until they are taken, and then no more', async () => {
    const { notifier, receiver, webhooks } = await setUp();
    receiver.status = 500;
    await notifier.tell(news);
    await until(() => receiver.received.length === 2);
    receiver.status = 204;
    await until(async () => (await webhooks.get(WEBHOOK))?.delivered);
    // Told twice, as after a crash, it is sent once.
    await notifier.tell(news);
    await notifier.tell({ ...news, id: 'another' });
    await until(() => receiver.received.length === 4);
    expect(new Set(receiver.received.map(({ genuine }) => genuine))).toEqual(new Set([true]));
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(2);
    expect(receiver.received[0]?.body).toEqual({
      ...{ type: 'schedule.failed', timestamp: now.toISOString() },
      data: {
        ...{ schedule: 'nightly', do: 'rotate-expiring', outcome: 'failed', runId: 'run-1', message: 'It failed.' },
        findings: ['Of this.'],
      },
    });
    expect(await webhooks.get(WEBHOOK)).toMatchObject({
      ...{ delivered: { type: 'schedule.failed', detail: 'answered 204' }, givenUp: null },
    });
  });

  test('that nobody takes are given up after the last try, which is on record and in the log', async () => {
    const { notifier, receiver, webhooks, said } = await setUp({ tries: 3, firstPauseMs: 20 });
    receiver.status = 302;
    await notifier.tell(news);
    await until(async () => (await webhooks.get(WEBHOOK))?.givenUp);
    expect(receiver.received).toHaveLength(3);
    expect(await webhooks.get(WEBHOOK)).toMatchObject({
      ...{ delivered: null, givenUp: { type: 'schedule.failed', detail: 'it answered 302' } },
    });
    expect(said).toContain('a notification was given up');
  });
});
