import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { Cron } from 'croner';

/** When a schedule fires. Times are ms since 1970. */
export interface CronTimes {
  /** So many times after this one; fewer, or none, when it ends. */
  after(ms: number, count: number): number[];
  /** The newest time up to and with this one; null when there is none. */
  latest(ms: number): number | null;
}

/** So many fires are looked at to tell how close together they come: a week of hours, and both changes of the clocks for what is once a day. */
const LOOKED_AT = 400;
const FIELDS = /^\s*\S+(\s+\S+){4,5}\s*$/;
const NICKNAME = /^@(yearly|annually|monthly|weekly|daily|hourly)$/;

const refuse = (message: string, hint: string): never => {
  throw new RemoraError('bad-input', message, { hint });
};

const hint =
  'Write five fields: minute, hour, day of the month, month, day of the week; or six, with the seconds first.';

const checkZone = (zone: string): void => {
  try {
    // Names only: an offset has no summer.
    if (/^[A-Za-z]/.test(zone)) return void new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch {
    // Refused below.
  }
  refuse(
    `--timezone ${zone}: there is no such time zone.`,
    'Write a name like Europe/Berlin, America/New_York or UTC.',
  );
};

/**
 * Reads an expression. What it gives depends on nothing but the expression and the zone, also where clocks are changed: a time that is left out fires when they
 * have been set forward, one that comes twice fires at the first, and what fires all along goes on at its pace. Throws `bad-input`.
 */
export const parseCron = (expression: string, timezone: string): CronTimes => {
  checkZone(timezone);
  if (!FIELDS.test(expression) && !NICKNAME.test(expression))
    refuse(`--cron "${expression}" does not have five or six fields.`, hint);
  let cron: Cron;
  try {
    cron = new Cron(expression, { timezone });
  } catch (error) {
    return refuse(`--cron "${expression}" is not valid: ${messageOf(error).replace(/^CronPattern: /, '')}`, hint);
  }
  return {
    after: (ms, count) => cron.nextRuns(count, new Date(ms)).map((date) => date.getTime()),
    latest: (ms) => cron.previousRuns(1, new Date(ms + 1))[0]?.getTime() ?? null,
  };
};

/** The shortest time between two fires from now on, in ms; infinite when there are not two. Throws `bad-input` for an expression that never fires. */
export const shortestGap = (times: CronTimes, expression: string, nowMs: number): number => {
  const found = times.after(nowMs, LOOKED_AT);
  if (found.length === 0) refuse(`--cron "${expression}" never fires: there is no such day.`, hint);
  return found.reduce((gap, at, index) => Math.min(gap, at - (found[index - 1] ?? Number.NEGATIVE_INFINITY)), Infinity);
};
