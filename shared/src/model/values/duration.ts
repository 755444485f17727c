import { RemoraError } from '../../errors.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a duration such as `90d`, `1h`, `500ms` in the units that Elasticsearch knows too, in milliseconds. Zero and negative ones are refused:
 * Elasticsearch takes `0d` as an expiration and makes a key that is dead on arrival.
 */
export const parseDuration = (text: string): number => {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  const value = match ? Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0) : 0;
  if (value <= 0 || !Number.isSafeInteger(value)) {
    throw new RemoraError(
      'bad-input',
      `"${text}" is not a duration: write a whole number above 0 with a unit, like 90d, 12h, 30m, 45s or 500ms.`,
    );
  }
  return value;
};

/** The same where none is good too: `0s` is 0. */
export const parseDurationOrNone = (text: string): number => (/^0(ms|s|m|h|d)$/.test(text) ? 0 : parseDuration(text));

export const DAY_MS = 86_400_000;
const longestMs = 36_500 * DAY_MS;

/** Reads how long a certificate shall be valid, in ms; throws `bad-input`. Files are looked at every few seconds, so less than a minute would be over before it is served. */
export const parseValidity = (text: string, flag: string): number => {
  const ms = parseDuration(text);
  if (ms >= 60_000 && ms <= longestMs) return ms;
  throw new RemoraError(
    'bad-input',
    `${flag} ${text}: a certificate can be valid for one minute at least, and for 36500 days at most.`,
  );
};

const sayUnits = [
  ['day', DAY_MS],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** A duration in words, in the largest unit of which it is a whole number: `365 days`, `36 hours`, `2 minutes`. Below a second it is cut off. */
export const sayDuration = (ms: number): string => {
  const [unit, unitMs] = sayUnits.find(([, each]) => ms % each === 0) ?? sayUnits[3];
  const count = Math.floor(ms / unitMs);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
};

/** A duration for people, to two units: `2m 05s`, `3.4 s`. */
export const formatDuration = (ms: number): string => {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`;
  return `${Math.floor(seconds / 3600)}h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}m`;
};
