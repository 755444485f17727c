import { createHash } from 'node:crypto';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import { parseCron } from './cron.ts';
import type { ScheduleRecord } from './record.ts';

/** What a schedule has to do at a moment. Times are ms since 1970. */
export type Decision =
  | { readonly what: 'nothing' }
  /** A fire has come and is put off until then. */
  | { readonly what: 'wait'; readonly untilMs: number }
  | { readonly what: 'fire'; readonly slotMs: number }
  /** A fire that is left out: its window is over, or the run of the one before is not. */
  | { readonly what: 'skip'; readonly slotMs: number; readonly why: 'window' | 'overlap' };

/** By how much a fire is put off: the same on every coordinator, another one for each fire. */
const jitterOf = ({ name, jitter }: ScheduleRecord, slotMs: number): number => {
  if (jitter === null) return 0;
  const share = createHash('sha256').update(`${name}/${slotMs}`).digest().readUInt32BE(0) / 0xffff_ffff;
  return Math.floor(share * parseDuration(jitter));
};

/** When the window of a fire closes; infinite without one. */
export const windowEnd = ({ window }: Pick<ScheduleRecord, 'window'>, slotMs: number): number =>
  window === null ? Number.POSITIVE_INFINITY : slotMs + parseDuration(window);

/**
 * Of the fires that have come and are not dealt with only the newest counts, so after any downtime there is one at most; and that one only while its window is
 * open, where there is one.
 */
export const decide = (record: ScheduleRecord, nowMs: number): Decision => {
  if (record.paused) return { what: 'nothing' };
  const slotMs = parseCron(record.cron, record.timezone).latest(nowMs);
  if (slotMs === null || slotMs <= Date.parse(record.doneUntil)) return { what: 'nothing' };
  if (nowMs >= windowEnd(record, slotMs)) return { what: 'skip', slotMs, why: 'window' };
  const untilMs = slotMs + jitterOf(record, slotMs);
  if (nowMs < untilMs) return { what: 'wait', untilMs };
  return record.fire === null ? { what: 'fire', slotMs } : { what: 'skip', slotMs, why: 'overlap' };
};

/** The next times at which it begins, with their jitter. A fire that is put off and has not begun is one of them. */
export const nextRuns = (record: ScheduleRecord, nowMs: number, count: number): string[] => {
  if (record.paused) return [];
  const from = Math.max(
    Date.parse(record.doneUntil),
    nowMs - (record.jitter === null ? 0 : parseDuration(record.jitter)),
  );
  return parseCron(record.cron, record.timezone)
    .after(from, count + 1)
    .map((slotMs) => slotMs + jitterOf(record, slotMs))
    .filter((ms) => ms > nowMs)
    .slice(0, count)
    .map((ms) => new Date(ms).toISOString());
};
