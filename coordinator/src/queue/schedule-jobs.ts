import { parseCron } from '../schedule/cron.ts';
import type { StoreAddress } from '../store/open-store.ts';
import { openSafeQueue, type QueueLog } from './worker.ts';

/** When a schedule fires, by its expression and zone. */
export interface CronWish {
  readonly cron: string;
  readonly timezone: string;
}

/**
 * Wake-ups of schedules. A job says no more than that somebody should look at a schedule: its record says what there is to do. Of those who look at one there is
 * one at a time, however many coordinators there are, and another one when that one dies.
 */
export interface ScheduleJobs {
  /** Has somebody look at a schedule, now or at a time (ms since 1970). */
  look(name: string, atMs?: number): Promise<void>;
  /** Has each of these be looked at whenever it fires, and no others. */
  keep(wanted: ReadonlyMap<string, CronWish>): Promise<void>;
  close(): Promise<void>;
}

interface ScheduleJob {
  readonly schedule: string;
}

const LOOK = 'look';
const WAKE = 'wake';
const CONCURRENCY = 10;
const gone = { removeOnComplete: true, removeOnFail: true } as const;

/** BullMQ asks when a pattern fires next, so that it agrees with everything else that is said about a schedule. */
const repeatStrategy = (afterMs: number, { pattern, tz }: { pattern?: string; tz?: string }): number | undefined =>
  parseCron(pattern ?? '', tz ?? 'UTC').after(afterMs, 1)[0];

export const openScheduleJobs = (
  address: StoreAddress,
  look: (name: string, signal: AbortSignal) => Promise<void>,
  log: QueueLog,
): ScheduleJobs => {
  // A job of its own id is there once, so one coordinator looks at a time; what wakes it up may come as often as it likes.
  const addLook = (schedule: string): Promise<unknown> =>
    queue.add(LOOK, { schedule }, { jobId: `${LOOK}-${schedule}`, ...gone });
  const { queue, close } = openSafeQueue<ScheduleJob>({
    ...{ name: 'schedules', address, log, concurrency: CONCURRENCY, settings: { repeatStrategy } },
    // The same fire never makes a second run, and what is written of it is guarded by its key.
    mayRepeat: true,
    async work({ name, data }, signal) {
      if (name === LOOK) await look(data.schedule, signal);
      else await addLook(data.schedule);
    },
  });
  return {
    async look(schedule, atMs) {
      if (atMs === undefined) await addLook(schedule);
      else {
        const delay = Math.max(0, atMs - Date.now());
        await queue.add(WAKE, { schedule }, { jobId: `${WAKE}-${schedule}-${atMs}`, delay, ...gone });
      }
    },
    async keep(wanted) {
      const standing = new Map((await queue.getJobSchedulers()).map((one) => [one.key, one]));
      for (const [schedule, { cron: pattern, timezone: tz }] of wanted) {
        const found = standing.get(schedule);
        if (found?.pattern === pattern && found.tz === tz) continue;
        await queue.upsertJobScheduler(schedule, { pattern, tz }, { name: WAKE, data: { schedule }, opts: gone });
      }
      for (const key of standing.keys()) if (!wanted.has(key)) await queue.removeJobScheduler(key);
    },
    close,
  };
};
