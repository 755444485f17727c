import type { ScheduleResult } from '@remora/shared/model/schedule.ts';
import { expect, test } from 'vitest';
import { scheduleLines } from '../../../../../coordinator/src/services/schedules/schedule-lines.ts';

const at = '2026-06-01T03:00:00.000Z';
const result = (outcome: ScheduleResult['outcome'], message: string): ScheduleResult => ({
  ...{ at, outcome, runId: null, message, findings: [] },
});
const told = async (last: ScheduleResult | null, pausedBecause: string | null = null) => {
  const schedule = {
    ...{ name: 'nightly', cron: '0 3 * * *', timezone: 'UTC', do: 'rotate-expiring', arguments: {}, options: {} },
    ...{ window: null, jitter: null, paused: pausedBecause !== null, pausedBecause, createdAt: at, doneUntil: at },
    ...{ fire: null, last },
  };
  const webhook = {
    ...{ url: 'https://example.com/?token=t0p-secret', secret: 'secret:notify/webhook@1', caPem: null, setAt: at },
    ...{ delivered: null, givenUp: { at, type: 'schedule.failed', detail: 'it answered 500' } },
  };
  const [line, notifications] = await scheduleLines({
    schedules: { list: async () => [schedule] },
    webhooks: { get: async () => webhook },
  });
  expect(notifications).toEqual({
    ...{ check: 'notifications', ok: false },
    detail: `https://example.com/?token=… took no message, given up at ${at}: it answered 500`,
  });
  return [line?.ok, line?.detail];
};

test('a schedule whose last fire was left out is neither well nor failed', async () => {
  const skipped = await told(result('skipped', 'The run before was not over.'));
  expect(skipped).toEqual([true, `skipped: its fire at ${at} was left out. The run before was not over.`]);
  expect(await told(result('succeeded', ''))).toEqual([true, 'succeeded']);
  expect(await told(null)).toEqual([true, 'has not fired yet']);
  expect(await told(result('failed', 'No.'))).toEqual([false, `failed at ${at}: No.`]);
  expect(await told(null, 'It was restored.')).toEqual([false, 'It was restored.']);
});
