import type { ScheduleArguments, ScheduleOptions, ScheduleResult } from '@remora/shared/model/schedule.ts';

/** A fire that was begun and has no result yet. While there is one, no other begins. */
export interface Fire {
  /** Idempotency key of its run: the name and the time of the fire, or the request of whoever asked for it. */
  readonly key: string;
  /** The time that the expression gave, ISO 8601; null for one that somebody asked for. */
  readonly slot: string | null;
  /** When it was begun, ISO 8601. */
  readonly at: string;
  /** Null until its run is filed. */
  readonly runId: string | null;
  /** What the plan of its run warns of. */
  readonly warnings?: readonly string[];
}

/** A schedule as it is kept: the truth, whatever jobs there are. Times are ISO 8601 in UTC, durations texts like `2h`. */
export interface ScheduleRecord {
  readonly name: string;
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
  readonly do: string;
  readonly arguments: ScheduleArguments;
  readonly options: ScheduleOptions;
  readonly window: string | null;
  readonly jitter: string | null;
  readonly paused: boolean;
  /** Why it is paused where nobody paused it; null otherwise. */
  readonly pausedBecause: string | null;
  readonly createdAt: string;
  /** Fires up to this time are dealt with, or came before it was to fire. */
  readonly doneUntil: string;
  readonly fire: Fire | null;
  /** Of the newest fire that has a result; null before the first. */
  readonly last: ScheduleResult | null;
}
