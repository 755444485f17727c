import { asRemoraError, messageOf, RemoraError } from '@remora/shared/errors.ts';
import { isEnded, type Run } from '@remora/shared/model/run.ts';
import type { ScheduleResult } from '@remora/shared/model/schedule.ts';
import type { Clock } from '../clock.ts';
import type { Collection } from '../store/inventory.ts';
import { isStoreFailure } from '../store/store-failure.ts';
import { decide, windowEnd } from './decide.ts';
import type { Fire, ScheduleRecord } from './record.ts';

/** What a fire came to when it was carried out: a run that goes on, or a result at once. */
export type Begun =
  | {
      readonly runId: string;
      /** What the plan warns of: certificates that it leaves, clusters that it could not look at. */
      readonly warnings: readonly string[];
    }
  | (Pick<ScheduleResult, 'outcome' | 'message' | 'findings'> & {
      /** Somebody is told of it although nothing went wrong. */
      readonly isReport?: true;
    });

/** What somebody is told of a schedule. */
export interface ScheduleNews {
  readonly type: 'schedule.failed' | 'schedule.skipped' | 'schedule.report';
  readonly schedule: ScheduleRecord;
  /** Tells this from all other news. */
  readonly id: string;
  readonly result: ScheduleResult;
}

export interface LookParts {
  readonly schedules: Collection<ScheduleRecord>;
  /**
   * Carries out what a schedule does. The same fire never makes a second run: what a coordinator filed that died over it is found, however late. Throws what speaks
   * against it, also that it is after `untilMs`, from when on nothing is begun.
   */
  readonly begin: (record: ScheduleRecord, fire: Fire, untilMs: number) => Promise<Begun>;
  readonly runs: { get(runId: string): Promise<Run> };
  /** Never throws, and does not wait for anybody's answer. */
  readonly tell: (news: ScheduleNews) => Promise<void>;
  readonly clock: Clock;
  readonly log: {
    info(fields: Readonly<Record<string, unknown>>, message: string): void;
    warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  };
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** A run that failed and is taken back by itself is over when that is. */
const isOver = async ({ runs }: LookParts, run: Run): Promise<boolean> => {
  if (!isEnded(run.status) || run.rollbackPending) return false;
  return run.status !== 'failed' || !run.rollback || isEnded((await runs.get(run.rollback)).status);
};

const resultOf = (fire: Fire, run: Run): ScheduleResult => {
  const after = run.status === 'rolled_back' ? ' It was rolled back.' : '';
  return {
    ...{ at: fire.at, runId: run.runId, findings: [...(fire.warnings ?? [])] },
    outcome: run.status === 'succeeded' ? 'succeeded' : 'failed',
    message: run.status === 'succeeded' ? run.title : `${run.error?.message ?? `The run is ${run.status}.`}${after}`,
  };
};

/** What came of an open fire, once it came to something; null while its run goes on. */
const outcomeOf = async (parts: LookParts, fire: Fire, runId: string): Promise<ScheduleResult | null> => {
  try {
    const run = await parts.runs.get(runId);
    return (await isOver(parts, run)) ? resultOf(fire, run) : null;
  } catch (error) {
    if (!(error instanceof RemoraError) || error.code !== 'not-found') throw error;
    return { at: fire.at, outcome: 'failed', runId, message: 'Its run is not known any more.', findings: [] };
  }
};

/** Changes a schedule only while this fire is open: whoever was overtaken changes nothing. Answers whether it did. */
const changeOpen = async (
  { schedules }: LookParts,
  name: string,
  fire: Fire,
  change: (record: ScheduleRecord) => ScheduleRecord,
): Promise<boolean> => {
  let isOpen = false;
  await schedules.change(name, (record) => {
    isOpen = record.fire?.key === fire.key;
    return isOpen ? change(record) : record;
  });
  return isOpen;
};

/** Told before it is on record: a crash in between tells it again, under the same id, and never not at all. */
const settle = async (parts: LookParts, record: ScheduleRecord, fire: Fire, result: ScheduleResult): Promise<void> => {
  const { name } = record;
  if (result.outcome === 'failed')
    await parts.tell({ type: 'schedule.failed', schedule: record, id: fire.key, result });
  // Done, but not for all: somebody has to know of the others.
  else if (result.runId !== null && result.findings.length > 0)
    await parts.tell({ type: 'schedule.report', schedule: record, id: fire.key, result });
  await changeOpen(parts, name, fire, (now) => ({ ...now, fire: null, last: result }));
  const { outcome, runId, message } = result;
  parts.log[outcome === 'failed' ? 'warn' : 'info'](
    { schedule: name, outcome, runId, message },
    'a schedule has fired',
  );
};

const failure = (fire: Fire, error: unknown): ScheduleResult => {
  const { message, findings } = asRemoraError(error);
  return { at: fire.at, outcome: 'failed', runId: null, message, findings: findings.filter((one) => one !== message) };
};

/** After a coordinator has started its agents are back within seconds: so long a fire is not given up for one that is away. */
const AGENTS_BACK_MS = 120_000;
const AGAIN_MS = 5000;

/** When a fire of the clock that was refused for an agent that is away is tried again; null when that is no reason, or it has been long enough. */
const againAt = (fire: Fire, error: unknown, nowMs: number, untilMs: number): number | null =>
  fire.slot !== null &&
  asRemoraError(error).code === 'agent-offline' &&
  nowMs < Math.min(untilMs, Date.parse(fire.at) + AGENTS_BACK_MS)
    ? nowMs + AGAIN_MS
    : null;

/** Carries out a fire that was begun, here or by a coordinator that died over it. Answers as `lookOnce` does. */
const carryOn = async (
  parts: LookParts,
  record: ScheduleRecord,
  fire: Fire,
  signal: AbortSignal,
): Promise<'again' | number> => {
  const untilMs = windowEnd(record, Date.parse(fire.slot ?? fire.at));
  try {
    const begun = await parts.begin(record, fire, untilMs);
    if ('runId' in begun) {
      const begunFire = { ...fire, runId: begun.runId, warnings: begun.warnings };
      await changeOpen(parts, record.name, fire, (now) => ({ ...now, fire: begunFire }));
      return 'again';
    }
    const { isReport, ...came } = begun;
    const result: ScheduleResult = { at: fire.at, runId: null, ...came };
    if (isReport) await parts.tell({ type: 'schedule.report', schedule: record, id: fire.key, result });
    await settle(parts, record, fire, result);
  } catch (error) {
    // Nothing is known of what came of it, so it is tried again when Redis is back.
    // So it is where this coordinator stops, or lost its turn: whoever comes next carries the same fire out.
    if (signal.aborted || isStoreFailure(error)) throw error;
    const again = againAt(fire, error, parts.clock().getTime(), untilMs);
    if (again !== null) return again;
    await settle(parts, record, fire, failure(fire, error));
  }
  return 'again';
};

/** Claims a fire: from then on it is carried out once, by whoever looks. */
const claim = async ({ schedules, clock }: LookParts, { name }: ScheduleRecord, slotMs: number): Promise<void> => {
  const slot = isoOf(slotMs);
  const fire: Fire = { key: `${name}/${slot}`, slot, at: clock().toISOString(), runId: null };
  await schedules.change(name, (record) =>
    record.fire === null && record.doneUntil < slot && !record.paused ? { ...record, doneUntil: slot, fire } : record,
  );
};

const skip = async (
  parts: LookParts,
  record: ScheduleRecord,
  slotMs: number,
  why: 'window' | 'overlap',
): Promise<void> => {
  const slot = isoOf(slotMs);
  const runId = record.fire?.runId ?? null;
  const message =
    why === 'overlap'
      ? `The fire of ${slot} was left out: that of ${record.fire?.slot ?? record.fire?.at} is not over.`
      : `The fire of ${slot} was left out: its window closed at ${isoOf(windowEnd(record, slotMs))}, before a coordinator was there.`;
  const result: ScheduleResult = { at: parts.clock().toISOString(), outcome: 'skipped', runId, message, findings: [] };
  // One that hangs is told once, however often it is in the way.
  const isTold = record.last?.outcome === 'skipped' && runId !== null && record.last.runId === runId;
  if (!isTold) await parts.tell({ type: 'schedule.skipped', schedule: record, id: `${record.name}/${slot}`, result });
  await parts.schedules.change(record.name, (now) =>
    now.doneUntil < slot ? { ...now, doneUntil: slot, last: result } : now,
  );
  parts.log.warn({ schedule: record.name, runId, message }, 'a schedule has not fired');
};

/** One thing that a schedule has to do; answers whether to look again, or until when there is nothing (ms since 1970, null: until it fires). */
const lookOnce = async (
  parts: LookParts,
  record: ScheduleRecord,
  signal: AbortSignal,
): Promise<'again' | number | null> => {
  const { fire } = record;
  if (fire !== null && fire.runId === null) return carryOn(parts, record, fire, signal);
  const result = fire?.runId ? await outcomeOf(parts, fire, fire.runId) : null;
  if (fire !== null && result !== null) {
    await settle(parts, record, fire, result);
    return 'again';
  }
  const decision = decide(record, parts.clock().getTime());
  if (decision.what === 'nothing') return null;
  if (decision.what === 'wait') return decision.untilMs;
  if (decision.what === 'fire') await claim(parts, record, decision.slotMs);
  else await skip(parts, record, decision.slotMs, decision.why);
  return 'again';
};

/** Does all that a schedule has to do now. Answers when it wants to be looked at again (ms since 1970), null when its next fire is soon enough. */
export const lookAtSchedule = async (parts: LookParts, name: string, signal: AbortSignal): Promise<number | null> => {
  for (;;) {
    const record = signal.aborted ? null : await parts.schedules.get(name);
    if (record === null) return null;
    try {
      const next = await lookOnce(parts, record, signal);
      if (next !== 'again') return next;
    } catch (error) {
      parts.log.warn(
        { schedule: name, reason: messageOf(error) },
        'a schedule could not be looked after, it is tried again',
      );
      return null;
    }
  }
};
