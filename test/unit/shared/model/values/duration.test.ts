import { RemoraError } from '@remora/shared/errors.ts';
import {
  formatDuration,
  parseDuration,
  parseDurationOrNone,
  parseValidity,
  sayDuration,
} from '@remora/shared/model/values/duration.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('a duration', () => {
  test.each([
    ['500ms', 500],
    ['45s', 45_000],
    ['30m', 1_800_000],
    ['12h', 43_200_000],
    ['90d', 7_776_000_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '90', 'd', '0d', '-1d', '1M', '1y', '1.5d', ' 1d', '1d ', '1 d', `${'9'.repeat(30)}d`, '１d'])(
    '"%s" is refused',
    (text) => {
      expect(() => parseDuration(text)).toThrow(
        expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(`"${text}" is not a duration`) }),
      );
    },
  );

  test('is a whole number of ms above 0, or refused by name', () => {
    const shaped = fc
      .tuple(fc.bigInt(), fc.constantFrom('ms', 's', 'm', 'h', 'd', ''))
      .map(([n, unit]) => `${n}${unit}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), shaped), (text) => {
        try {
          const ms = parseDuration(text);
          expect(Number.isSafeInteger(ms) && ms > 0).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(RemoraError);
        }
      }),
    );
  });

  test.each([
    [365 * 86_400_000, '365 days'],
    [86_400_000, '1 day'],
    [36 * 3_600_000, '36 hours'],
    [120_000, '2 minutes'],
    [90_000, '90 seconds'],
    [1, '0 seconds'],
  ])('%i ms is in words %s', (ms, text) => {
    expect(sayDuration(ms)).toBe(text);
  });

  test('of a certificate is between a minute and a hundred years', () => {
    expect([parseValidity('1m', '--validity'), parseValidity('36500d', '--validity')]).toEqual([
      60_000,
      36_500 * 86_400_000,
    ]);
    for (const text of ['59s', '36501d'])
      expect(() => parseValidity(text, '--validity')).toThrow(
        `--validity ${text}: a certificate can be valid for one minute at least, and for 36500 days at most.`,
      );
  });

  test.each([
    [0, '0.0 s'],
    [3400, '3.4 s'],
    [125_000, '2m 05s'],
    [3_600_000, '1h 00m'],
    [90_061_000, '25h 01m'],
  ])('%i ms is for people: %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

test('where none is good too, 0 with a unit is read', () => {
  expect(['0s', '0d', '2d'].map(parseDurationOrNone)).toEqual([0, 0, 172_800_000]);
  expect(() => parseDurationOrNone('0')).toThrow(/is not a duration/);
});
