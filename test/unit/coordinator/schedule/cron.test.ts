import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCron, shortestGap } from '../../../../coordinator/src/schedule/cron.ts';

const BERLIN = 'Europe/Berlin';
const ms = (iso: string): number => Date.parse(iso);
const firesAfter = (cron: string, zone: string, from: string, count: number): string[] =>
  parseCron(cron, zone)
    .after(ms(from), count)
    .map((at) => new Date(at).toISOString().slice(5, 16));

describe('an expression', () => {
  test.each([
    ['0 3 * * *', 'UTC', '01-01T03:00'],
    ['0 3 * * *', BERLIN, '01-01T02:00'],
    ['0 3 * * MON-FRI', 'America/New_York', '01-01T08:00'],
    ['0 0 1 3 *', 'UTC', '03-01T00:00'],
    ['30 15 3 * * *', 'UTC', '01-01T03:15'],
    ['0 4 * * 7', 'UTC', '01-04T04:00'],
    ['@daily', 'UTC', '01-02T00:00'],
  ])('%s in %s fires next at %s', (cron, zone, wanted) => {
    expect(firesAfter(cron, zone, '2026-01-01T00:00:00Z', 1)).toEqual([wanted]);
  });

  test('with six fields begins with the seconds', () => {
    expect(parseCron('*/20 * * * * *', 'UTC').after(ms('2026-01-01T00:00:00Z'), 3)).toEqual(
      [20, 40, 60].map((seconds) => ms('2026-01-01T00:00:00Z') + seconds * 1000),
    );
  });

  test.each([
    ['', /does not have five or six fields/],
    ['0 3 * *', /does not have five or six fields/],
    ['0 0 3 * * * 2030', /does not have five or six fields/],
    ['61 * * * *', /"61 \* \* \* \*" is not valid: .*61/],
    ['a b c d e', /is not valid/],
    ['*/0 * * * *', /is not valid/],
    ['@reboot', /does not have five or six fields/],
    ['H 3 * * *', /is not valid/],
  ])('"%s" is refused', (cron, sentence) => {
    expect(() => parseCron(cron, 'UTC')).toThrow(sentence);
  });

  test.each(['Mars/Olympus', '', '+02:00', 'Berlin', 'Europe/Berlin; x'])('a zone "%s" is refused', (zone) => {
    expect(() => parseCron('0 3 * * *', zone)).toThrow(`--timezone ${zone}: there is no such time zone.`);
  });

  test('that never fires is refused, and of others the shortest gap is known', () => {
    const now = ms('2026-01-01T00:00:00Z');
    const gap = (cron: string, zone = 'UTC'): number => shortestGap(parseCron(cron, zone), cron, now);
    expect(() => gap('0 0 30 2 *')).toThrow('"0 0 30 2 *" never fires');
    expect([gap('*/20 * * * * *'), gap('0 3 * * *'), gap('0 3 * * *', BERLIN)]).toEqual([
      20_000,
      24 * 3_600_000,
      23 * 3_600_000,
    ]);
    expect(gap('0 3,4 * * *')).toBe(3_600_000);
  });
});

describe('where the clocks of Europe/Berlin are set forward (2026-03-29, 02:00 becomes 03:00)', () => {
  test('a time that is left out fires once, when they are set', () => {
    expect(firesAfter('30 2 * * *', BERLIN, '2026-03-27T12:00:00Z', 3)).toEqual([
      '03-28T01:30',
      '03-29T01:00',
      '03-30T00:30',
    ]);
  });
  test('every twenty minutes stays every twenty minutes', () => {
    expect(firesAfter('*/20 * * * *', BERLIN, '2026-03-29T00:30:00Z', 3)).toEqual([
      '03-29T00:40',
      '03-29T01:00',
      '03-29T01:20',
    ]);
  });
});

describe('where they are set back (2026-10-25, 03:00 becomes 02:00)', () => {
  test('a time that comes twice fires at the first', () => {
    expect(firesAfter('30 2 * * *', BERLIN, '2026-10-23T12:00:00Z', 3)).toEqual([
      '10-24T00:30',
      '10-25T00:30',
      '10-26T01:30',
    ]);
  });
  test('every half an hour stays every half an hour', () => {
    expect(firesAfter('*/30 * * * *', BERLIN, '2026-10-25T00:00:00Z', 4)).toEqual([
      ...['10-25T00:30', '10-25T01:00', '10-25T01:30', '10-25T02:00'],
    ]);
  });
});

test('what fires next, and what fired last, is the same from wherever one looks', () => {
  const changes = [ms('2026-03-29T01:00:00Z'), ms('2026-10-25T01:00:00Z')];
  const crons = ['30 2 * * *', '0 * * * *', '*/20 * * * *', '15 2,3 * * *', '0 3 * * *'];
  fc.assert(
    fc.property(
      fc.constantFrom(...changes),
      fc.constantFrom(...crons),
      fc.integer({ min: -5 * 3600, max: 5 * 3600 }),
      (change, cron, seconds) => {
        const times = parseCron(cron, BERLIN);
        const all = times.after(change - 2 * 86_400_000, 220);
        const at = change + seconds * 1000;
        expect(times.after(at, 1)[0]).toBe(all.find((one) => one > at));
        expect(times.latest(at)).toBe(all.findLast((one) => one <= at));
      },
    ),
    { numRuns: 50 },
  );
});
