import { messageOf } from '@remora/shared/errors.ts';
import type { Clock } from '../clock.ts';
import { type CronWish, openScheduleJobs } from '../queue/schedule-jobs.ts';
import type { Store } from '../store/open-store.ts';
import type { StoreProblem } from '../store/store-identity.ts';
import { decide } from './decide.ts';
import { type LookParts, lookAtSchedule } from './look.ts';
import type { ScheduleRecord } from './record.ts';

/** Fires schedules as long as it is not closed. */
export interface Scheduler {
  /** Has a schedule be looked at soon: it was changed, or is to run now. */
  look(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Jobs are wake-ups and may be lost; so often every schedule is looked through without one. */
const SWEEP_MS = 2000;

interface SchedulerParts extends LookParts {
  readonly clock: Clock;
  readonly storeProblem: StoreProblem;
  /** How long after its start it begins to look, in ms: agents need a moment to connect to a coordinator that was away. */
  readonly firstLookMs: number;
  readonly log: LookParts['log'] & { error(fields: Readonly<Record<string, unknown>>, message: string): void };
}

const wishOf = ({ cron, timezone }: ScheduleRecord): CronWish => ({ cron, timezone });

export const startScheduler = (store: Store, parts: SchedulerParts): Scheduler => {
  const { schedules, clock, log } = parts;
  const look = async (name: string, signal: AbortSignal): Promise<void> => {
    const untilMs = await lookAtSchedule(parts, name, signal);
    if (untilMs !== null) await jobs.look(name, untilMs);
  };
  const jobs = openScheduleJobs(store.address, look, log);
  const hasToDo = (record: ScheduleRecord): boolean =>
    record.fire !== null || decide(record, clock().getTime()).what !== 'nothing';
  /** One that a later release wrote, say, must not end the others. */
  const isReadable = (record: ScheduleRecord): boolean => {
    try {
      decide(record, clock().getTime());
      return true;
    } catch (error) {
      log.warn({ schedule: record.name, reason: messageOf(error) }, 'a schedule cannot be read, and does not fire');
      return false;
    }
  };
  const sweep = async (): Promise<void> => {
    const problem = await parts.storeProblem();
    if (problem !== null)
      return log.error({ problem }, 'no schedule is looked after: the store is not the one that it was');
    const all = (await schedules.list()).filter(isReadable);
    await jobs.keep(new Map(all.filter(({ paused }) => !paused).map((record) => [record.name, wishOf(record)])));
    for (const record of all) if (hasToDo(record)) await jobs.look(record.name);
  };
  let last: Promise<void> = Promise.resolve();
  let isClosed = false;
  const sweepNext = (): Promise<void> => {
    last = last.then(() =>
      isClosed
        ? undefined
        : sweep().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'looking after schedules failed')),
    );
    return last;
  };
  let timer = setTimeout(() => {
    void sweepNext();
    timer = setInterval(() => void sweepNext(), SWEEP_MS);
  }, parts.firstLookMs);
  return {
    async look(name) {
      await jobs.look(name);
      // A new expression is known to BullMQ by the time that this is answered.
      await sweepNext();
    },
    async close() {
      isClosed = true;
      clearInterval(timer);
      await jobs.close();
    },
  };
};
