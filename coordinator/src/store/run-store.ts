import { randomUUID } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import type { Run, RunEvent } from '@remora/shared/model/run.ts';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { StoredPlan } from '../plan/steps.ts';
import { channels, keys } from './keys.ts';
import { parseRunHash, type RunHead, type RunRecord, runView } from './run-hash.ts';
import { defineRunScripts, type RunScripts } from './run-lua.ts';

/** More than a run of a large fleet makes; older events of one run go first. */
const MAX_EVENTS = 10_000;
/** Ended runs beyond this number are forgotten, oldest first. */
const MAX_RUNS = 1000;

/** A change of a run's hash: field to its text, or null to remove it. */
export type Patch = Readonly<Record<string, string | null>>;

export type EventDraft = Omit<RunEvent, 'seq' | 'at' | 'runId'>;

/** Runs, plans and the locks of clusters in Redis. */
export class RunStore {
  readonly #redis: Redis;
  readonly #scripts: RunScripts;
  readonly #clock: Clock;

  constructor(redis: Redis, clock: Clock) {
    this.#redis = redis;
    this.#scripts = defineRunScripts(redis);
    this.#clock = clock;
  }

  /** Files a plan by itself, as `--check` shows it. */
  async savePlan(plan: StoredPlan): Promise<void> {
    await this.#redis.set(keys.plan(plan.planId), JSON.stringify(plan), 'EX', 30 * 86_400);
  }

  async plan(planId: string): Promise<StoredPlan> {
    const text = await this.#redis.get(keys.plan(planId));
    if (text === null) throw new RemoraError('not-found', `There is no plan "${planId}".`);
    return JSON.parse(text) as StoredPlan;
  }

  /** Files a run of a plan as waiting. With a key that made a run before, that run's id is answered and nothing is filed. */
  async create(head: RunHead, plan: StoredPlan, idempotencyKey: string | undefined): Promise<string> {
    const now = this.#clock().getTime();
    const order = await this.#redis.incr(keys.runOrder);
    const idempotency = keys.idempotency(`run:${idempotencyKey ?? ''}`);
    const runKeys = [keys.run(head.runId), keys.runs, keys.openRuns, keys.waiting, idempotency, keys.plan(head.planId)];
    const made = await this.#scripts.remoraCreateRun(
      ...runKeys,
      head.runId,
      JSON.stringify(head),
      now,
      order,
      JSON.stringify(plan),
      idempotencyKey === undefined ? '' : '1',
    );
    await this.#forgetOld();
    return String(made);
  }

  /** Admits every waiting run that can go, and answers for each other one the run that it waits for. */
  async admit(): Promise<ReadonlyMap<string, string>> {
    const pairs = (await this.#scripts.remoraAdmit(keys.waiting, keys.locks, keys.run(''))) as string[];
    return new Map(pairs.flatMap((run, i) => (i % 2 === 0 ? [[run, pairs[i + 1] ?? ''] as const] : [])));
  }

  async take(runId: string): Promise<number> {
    return Number(await this.#scripts.remoraTake(keys.run(runId)));
  }

  /** The fence that may write now. */
  async fence(runId: string): Promise<number> {
    return Number((await this.#redis.hget(keys.run(runId), 'fence')) ?? 0);
  }

  /** Writes fields and an event when fence and version are still the caller's. Answers the new version; throws `fence-stale`. */
  async write(
    runId: string,
    at: { readonly fence: number; readonly version: number },
    patch: Patch,
    event: EventDraft | null,
  ): Promise<number> {
    const changes = Object.entries(patch).map(([field, text]) => [field, text ?? false]);
    const told = event === null ? '' : JSON.stringify({ at: this.#clock().toISOString(), runId, ...event });
    const runKeys = [keys.run(runId), keys.runEvents(runId), channels.runEvents];
    const version = Number(
      await this.#scripts.remoraWrite(
        ...runKeys,
        at.fence,
        at.version,
        randomUUID(),
        JSON.stringify(changes),
        told,
        MAX_EVENTS,
      ),
    );
    if (version < 0) throw new RemoraError('fence-stale', `Run ${runId} is driven by another coordinator now.`);
    return version;
  }

  async release(runId: string): Promise<boolean> {
    return (await this.#scripts.remoraRelease(keys.run(runId), keys.locks, keys.openRuns, runId)) === 1;
  }

  async record(runId: string): Promise<RunRecord> {
    const record = parseRunHash(await this.#redis.hgetall(keys.run(runId)));
    if (!record) throw new RemoraError('not-found', `There is no run "${runId}".`, { hint: 'See `remora runs list`.' });
    return record;
  }

  /** Runs that have not ended or still have something to put back. */
  openRuns(): Promise<string[]> {
    return this.#redis.smembers(keys.openRuns);
  }

  async view(runId: string): Promise<Run> {
    const record = await this.record(runId);
    const waitingFor = record.status === 'waiting' ? ((await this.admit()).get(runId) ?? null) : null;
    return runView(record, waitingFor, this.#clock());
  }

  /** Newest first. */
  async list(limit = 200): Promise<Run[]> {
    const ids = await this.#redis.zrevrange(keys.runs, 0, limit - 1);
    return Promise.all(ids.map((id) => this.view(id)));
  }

  /** Events whose `seq` is above `afterSeq`, in order. */
  async events(runId: string, afterSeq: number): Promise<RunEvent[]> {
    await this.record(runId);
    const texts = await this.#redis.lrange(keys.runEvents(runId), 0, -1);
    return texts.map((text) => JSON.parse(text) as RunEvent).filter(({ seq }) => seq > afterSeq);
  }

  async #forgetOld(): Promise<void> {
    const old = await this.#redis.zrange(keys.runs, 0, String(-MAX_RUNS - 1));
    for (const runId of old) {
      if (await this.#redis.sismember(keys.openRuns, runId)) continue;
      const head = await this.#redis.hget(keys.run(runId), 'head');
      const plan = head === null ? [] : [keys.plan((JSON.parse(head) as RunHead).planId)];
      await this.#redis.del(keys.run(runId), keys.runEvents(runId), ...plan);
      await this.#redis.zrem(keys.runs, runId);
    }
  }
}
