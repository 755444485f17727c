import { describe, expect, test } from 'vitest';
import { decide, nextRuns } from '../../../../coordinator/src/schedule/decide.ts';
import type { Fire, ScheduleRecord } from '../../../../coordinator/src/schedule/record.ts';

const at = (time: string): number => Date.parse(`2026-06-${time}Z`);
const iso = (time: string): string => new Date(at(time)).toISOString();

/** Fires at 03:00 every night; its newest fire that was dealt with is that of the first of June. */
const nightly = (more: Partial<ScheduleRecord> = {}): ScheduleRecord => ({
  ...{ name: 'nightly', cron: '0 3 * * *', timezone: 'UTC', do: 'rotate-expiring', arguments: {}, options: {} },
  ...{ window: null, jitter: null, paused: false, pausedBecause: null, createdAt: iso('01T00:00:00') },
  ...{ doneUntil: iso('01T03:00:00'), fire: null, last: null, ...more },
});

const open: Fire = { key: 'k', slot: iso('01T03:00:00'), at: iso('01T03:00:00'), runId: 'run-1' };

describe('a schedule', () => {
  test.each<[string, Partial<ScheduleRecord>, string, ReturnType<typeof decide>]>([
    ['has nothing to do before its time', {}, '02T02:59:59.999', { what: 'nothing' }],
    ['fires at its time', {}, '02T03:00:00', { what: 'fire', slotMs: at('02T03:00:00') }],
    ['fires once', { doneUntil: iso('02T03:00:00') }, '02T03:00:01', { what: 'nothing' }],
    ['fires late when nobody was there', {}, '02T20:00:00', { what: 'fire', slotMs: at('02T03:00:00') }],
    ['fires once after days without anybody', {}, '05T12:00:00', { what: 'fire', slotMs: at('05T03:00:00') }],
    ['fires in its window', { window: '2h' }, '02T04:59:59', { what: 'fire', slotMs: at('02T03:00:00') }],
    [
      'is left out once its window is over, and the ones before are not told of',
      { window: '2h' },
      '05T05:00:00',
      { what: 'skip', slotMs: at('05T03:00:00'), why: 'window' },
    ],
    ['has nothing to do while it is paused', { paused: true }, '05T12:00:00', { what: 'nothing' }],
    [
      'is left out while the run before goes on',
      { fire: open },
      '02T03:00:00',
      { what: 'skip', slotMs: at('02T03:00:00'), why: 'overlap' },
    ],
    [
      'does not fire for what came before it was made',
      { doneUntil: iso('02T03:00:01') },
      '02T04:00:00',
      { what: 'nothing' },
    ],
  ])('%s', (_, more, time, wanted) => {
    expect(decide(nightly(more), at(time))).toEqual(wanted);
  });

  test('is put off by its jitter: by up to that, by the same each time that one looks, by another at each fire', () => {
    const spread = nightly({ jitter: '30m' });
    const first = decide(spread, at('02T03:00:00'));
    if (first.what !== 'wait') throw new Error(first.what);
    expect(decide(spread, at('02T03:00:00'))).toEqual(first);
    expect(decide(spread, first.untilMs)).toEqual({ what: 'fire', slotMs: at('02T03:00:00') });
    const delays = Array.from({ length: 50 }, (_, night) => {
      const record = nightly({ jitter: '30m', name: `n${night}` });
      const decision = decide(record, at('02T03:00:00'));
      return decision.what === 'wait' ? decision.untilMs - at('02T03:00:00') : 0;
    });
    expect(new Set(delays).size).toBeGreaterThan(45);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(30 * 60_000);
    expect(Math.max(...delays)).toBeGreaterThan(20 * 60_000);
  });
});

describe('the next times', () => {
  test('are three, and none while it is paused', () => {
    expect(nextRuns(nightly(), at('01T12:00:00'), 3)).toEqual(
      ['02T03', '03T03', '04T03'].map((one) => iso(`${one}:00:00`)),
    );
    expect(nextRuns(nightly({ paused: true }), at('01T12:00:00'), 3)).toEqual([]);
  });

  test('are those at which it does fire, with their jitter, also when one is put off now', () => {
    const spread = nightly({ jitter: '30m' });
    const [first = '', ...others] = nextRuns(spread, at('02T03:00:00'), 3);
    expect(others).toHaveLength(2);
    const decision = decide(spread, at('02T03:00:00'));
    expect(decision).toEqual({ what: 'wait', untilMs: Date.parse(first) });
    expect(nextRuns(spread, Date.parse(first), 3).slice(0, 2)).toEqual(others);
  });
});
