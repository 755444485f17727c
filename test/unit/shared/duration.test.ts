import { RemoraError } from '@remora/shared/errors.ts';
import { formatDuration, parseDuration } from '@remora/shared/model/duration.ts';
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
    [0, '0.0 s'],
    [3400, '3.4 s'],
    [125_000, '2m 05s'],
    [3_600_000, '1h 00m'],
    [90_061_000, '25h 01m'],
  ])('%i ms is for people: %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
