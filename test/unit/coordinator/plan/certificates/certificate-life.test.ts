import { describe, expect, test } from 'vitest';
import { isMostlyOver, wishedLifeMs } from '../../../../../coordinator/src/plan/certificates/certificate-life.ts';

const at = (minutes: number): string => new Date(Date.UTC(2026, 5, 1) + minutes * 60_000).toISOString();
const MINUTE_MS = 60_000;
const DAY = 24 * 60;

/** Made at minute 0, so from five minutes before, until then. */
const lives = (until: number, validityMs?: number) => ({
  facts: {
    ...{ subject: 'CN=us-1', issuer: 'CN=ca', sans: [], serial: '01', fingerprint256: 'f' },
    ...{ notBefore: at(-5), notAfter: at(until) },
  },
  ...(validityMs === undefined ? {} : { validityMs }),
});

describe('the life of a certificate', () => {
  test('is what was wished, and whole days where that is not on record', () => {
    expect(wishedLifeMs(lives(2, 2 * MINUTE_MS))).toBe(2 * MINUTE_MS);
    expect(wishedLifeMs(lives(365 * DAY))).toBe(365 * DAY * MINUTE_MS);
    expect(wishedLifeMs(lives(60))).toBe(DAY * MINUTE_MS);
  });

  test.each([
    ['of two minutes is not mostly over after one', lives(2, 2 * MINUTE_MS), 1, false],
    ['of two minutes is, 40 s before its end', lives(2, 2 * MINUTE_MS), 4 / 3, true],
    ['of a year is not, at 240 days', lives(365 * DAY), 240 * DAY, false],
    ['of a year is, at 250 days', lives(365 * DAY, 365 * DAY * MINUTE_MS), 250 * DAY, true],
    [
      'that its CA cut short is no sooner than by its own dates',
      lives(30 * DAY, 365 * DAY * MINUTE_MS),
      10 * DAY,
      false,
    ],
    ['that its CA cut short is, in its last third', lives(30 * DAY, 365 * DAY * MINUTE_MS), 21 * DAY, true],
    ['that has ended is', lives(2, 2 * MINUTE_MS), 3, true],
  ])('%s', (_, record, minutes, over) => {
    expect(isMostlyOver(record, at(minutes))).toBe(over);
  });
});
