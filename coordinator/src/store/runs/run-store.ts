import { createHash } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import type { Run, RunEvent, RunStatus, StepError } from '@remora/shared/model/run.ts';
import type { Redis } from 'ioredis';
import type { AuditDraft } from '../../audit/chain.ts';
import { AuditRecorder, auditKeys } from '../../audit/recorder.ts';
import type { Clock } from '../../clock.ts';
import type { PlanDocument, StoredPlan } from '../../plan/steps.ts';
import type { InventoryRecords } from '../inventory.ts';
import { channels, keys } from '../keys.ts';
import { idsOfPage, type Page } from '../page.ts';
import { readDocument, readDocuments, readPlan, writePlan } from '../plan-record.ts';
import { parseRunHash, type RunHead, type RunRecord, runView } from './run-hash.ts';
import { listRuns, statusesOfRuns } from './run-list.ts';
import { defineRunScripts, type RunScripts } from './run-lua.ts';
import { endOvertaken } from './run-overtaken.ts';
import { KEPT_PLANS } from './run-retention.ts';
import { markRolledBack, type RollbackBy } from './run-rollback.ts';

const PLAN_KEPT_SECONDS = 30 * 86_400;
const IDEMPOTENCY_SECONDS = 86_400;

/** A change of a run's hash: field to its text, or null to remove it. */
export type Patch = Readonly<Record<string, string | null>>;

export type EventDraft = Omit<RunEvent, 'seq' | 'at' | 'runId'>;

/** One write of a driver. */
export interface Write {
  readonly fence: number;
  /** As the last write, or `take`, answered it. */
  readonly version: number;
  /** Unique to this write: sent again, it changes nothing and is answered as the first time. */
  readonly request: string;
  readonly patch: Patch;
  readonly event: EventDraft | null;
  /** What the audit log says of it, in the same step. */
  readonly audit?: AuditDraft | null;
}

/** What is to be done about an open run: nothing any more, nothing yet, or somebody has to drive it. */
export type Release = 'released' | 'waiting' | 'to-drive';

const keyOfRequest = (actor: string, idempotencyKey: string): string =>
  keys.runOfKey(createHash('sha256').update(`${actor}\n${idempotencyKey}`).digest('hex'));

/** Who has what done, why, and what was accepted for it. */
const creation = ({ runId, planId, actor, clusters, title, options }: RunHead): AuditDraft => {
  const { acceptOutage, override = [], pause = [], reason, ticket } = options;
  const said = [
    title,
    ...(acceptOutage ? ['outages accepted'] : []),
    ...(override.length > 0 ? [`override ${override.join(', ')}`] : []),
    ...(pause.length > 0 ? [`pause ${pause.join(', ')}`] : []),
    ...(reason === undefined ? [] : [`reason: ${reason}`]),
    ...(ticket === undefined ? [] : [`ticket: ${ticket}`]),
  ];
  return { actor, action: 'run.create', target: clusters.join(', '), runId, planId, detail: said.join('; ') };
};

const unknownRun = (runId: string): RemoraError =>
  new RemoraError('not-found', `There is no run "${runId}".`, { hint: 'See `remora runs list`.' });

/** A change of one record of the inventory. */
export interface Amendment<N extends keyof InventoryRecords> {
  readonly collection: N;
  readonly id: string;
  readonly change: (record: InventoryRecords[N]) => InventoryRecords[N];
}

/** Runs, plans and the locks of clusters in Redis. */
export class RunStore {
  readonly #redis: Redis;
  readonly #scripts: RunScripts;
  readonly #clock: Clock;
  readonly #audit: AuditRecorder;

  constructor(redis: Redis, clock: Clock) {
    this.#redis = redis;
    this.#scripts = defineRunScripts(redis);
    this.#clock = clock;
    this.#audit = new AuditRecorder(clock);
  }

  /** Files a plan by itself, as `--check` shows it; forgotten after 30 days, or when 1,000 newer ones are there. A run keeps its own copy. */
  async savePlan(plan: PlanDocument): Promise<void> {
    const { planId, createdAt } = plan;
    const madeAtMs = Date.parse(createdAt);
    await this.#redis.set(keys.plan(planId), writePlan(plan), 'EX', PLAN_KEPT_SECONDS);
    await this.#redis.zadd(keys.plans, madeAtMs, planId);
    await this.#redis.zremrangebyscore(keys.plans, 0, madeAtMs - PLAN_KEPT_SECONDS * 1000);
    const old = await this.#redis.zrange(keys.plans, '0', String(-KEPT_PLANS - 1));
    if (old.length > 0) await this.#redis.multi().unlink(old.map(keys.plan)).zrem(keys.plans, old).exec();
  }

  /** A page of the plans that were filed by themselves, newest first. */
  async plans(page: Page): Promise<PlanDocument[]> {
    const ids = await idsOfPage(this.#redis, { key: keys.plans, noun: 'plan' }, page);
    if (ids.length === 0) return [];
    return readDocuments(await this.#redis.mget(ids.map(keys.plan)));
  }

  async plan(planId: string): Promise<PlanDocument> {
    return readDocument(await this.#redis.get(keys.plan(planId)), `the id "${planId}"`);
  }

  /** The plan that a run was started with. */
  async planOf(runId: string): Promise<StoredPlan> {
    return readPlan(await this.#redis.get(keys.runPlan(runId)), `run "${runId}"`);
  }

  /** Files a run of a plan as waiting, `first` before all that wait. With a key that this actor used before, that run's id is answered and nothing is filed. */
  async create(head: RunHead, plan: StoredPlan, idempotencyKey: string | undefined, first = false): Promise<string> {
    const { runId, actor } = head;
    const event = { type: 'run', stepId: null, status: 'waiting', message: `created by ${actor}` } as const;
    const filed = [keys.run(runId), keys.runPlan(runId), keys.runs, keys.openRuns, keys.waiting];
    const told = this.#draft(runId, event);
    const made = await this.#audit.record([creation(head)], (chained) =>
      this.#scripts.remoraCreateRun(
        ...[...filed, keyOfRequest(actor, idempotencyKey ?? ''), keys.meta, ...auditKeys],
        ...[runId, JSON.stringify(head), JSON.stringify(head.clusters), writePlan(plan)],
        ...[idempotencyKey === undefined ? '' : IDEMPOTENCY_SECONDS, told, channels.runEvents],
        ...[keys.run(''), head.outline.length, first ? '1' : '', ...chained],
      ),
    );
    return String(made);
  }

  /** The run that this actor started with this key within a day; null when there is none. */
  runOfKey(actor: string, idempotencyKey: string): Promise<string | null> {
    return this.#redis.get(keyOfRequest(actor, idempotencyKey));
  }

  /** Admits every waiting run that can go, and ends those that were overtaken half-way; answers who was admitted. */
  async admit(): Promise<string[]> {
    const now = this.#clock().toISOString();
    const [admitted, overtaken] = (await this.#scripts.remoraAdmit(
      ...[keys.locks, keys.waiting, keys.lastHolders, keys.run(''), now, channels.runEvents],
    )) as [string[], [runId: string, other: string][]];
    for (const [runId, other] of overtaken) await endOvertaken(this.#redis, this.#audit, this.#clock, runId, other);
    return admitted;
  }

  /** Makes the caller the run's driver: the record with its fence, or null when there is nothing to drive. */
  async take(runId: string): Promise<RunRecord | null> {
    const flat = (await this.#scripts.remoraTake(keys.run(runId), keys.meta)) as string[];
    const hash: Record<string, string> = {};
    for (let i = 0; i + 1 < flat.length; i += 2) hash[String(flat[i])] = String(flat[i + 1]);
    return parseRunHash(hash);
  }

  /** The fence that may write now. */
  async fence(runId: string): Promise<number> {
    return Number((await this.#redis.hget(keys.run(runId), 'fence')) ?? 0);
  }

  /** Why the run shall stop at its next step, when somebody asked for that. */
  async stopOf(runId: string): Promise<StepError | null> {
    const text = await this.#redis.hget(keys.run(runId), 'stop');
    return text === null ? null : (JSON.parse(text) as StepError);
  }

  /** Writes fields and an event when fence and version are still the caller's. Answers the new version, or null when they are not. */
  async write(runId: string, { fence, version, request, patch, event, audit }: Write): Promise<number | null> {
    const changes = Object.entries(patch).map(([field, text]) => [field, text ?? false]);
    const told = event === null ? '' : this.#draft(runId, event);
    const answer = await this.#audit.record(audit ? [audit] : [], (chained) =>
      this.#scripts.remoraWrite(
        ...[keys.run(runId), ...auditKeys, runId, fence, version, request, JSON.stringify(changes), told],
        ...[channels.runEvents, ...chained],
      ),
    );
    return Number(answer) < 0 ? null : Number(answer);
  }

  /** Files a record of the inventory, or forgets it (null), while the fence is the caller's; answers whether it was. */
  async file<N extends keyof InventoryRecords>(
    runId: string,
    fence: number,
    collection: N,
    id: string,
    record: InventoryRecords[N] | null,
  ): Promise<boolean> {
    const text = record === null ? '' : JSON.stringify(record);
    return (await this.#scripts.remoraFile(keys.run(runId), keys[collection], fence, id, text)) === 1;
  }

  /**
   * Changes a record that is there, while the fence is the caller's, without undoing what others write to it meanwhile; `change` may be called again. Answers `gone` where there
   * is none, and `taken` where the fence is another's.
   */
  async amend<N extends keyof InventoryRecords>(
    runId: string,
    fence: number,
    { collection, id, change }: Amendment<N>,
  ): Promise<'done' | 'gone' | 'taken'> {
    for (;;) {
      const found = await this.#redis.hget(keys[collection], id);
      if (found === null) return 'gone';
      const text = JSON.stringify(change(JSON.parse(found) as InventoryRecords[N]));
      const answer = await this.#scripts.remoraFile(keys.run(runId), keys[collection], fence, id, text, found);
      if (answer !== -1) return answer === 1 ? 'done' : 'taken';
    }
  }

  /** Marks a run as taken back by another, whose driver asks; answers whether its fence still is the caller's. */
  rolledBack(runId: string, by: RollbackBy): Promise<boolean> {
    return markRolledBack(this.#redis, this.#audit, this.#clock, runId, by);
  }

  /** Gives back the clusters of a run that is over, or says why not. */
  async release(runId: string): Promise<Release> {
    return (await this.#scripts.remoraRelease(keys.run(runId), keys.locks, keys.openRuns, runId)) as Release;
  }

  /** Runs that have not ended or still have something to put back. */
  openRuns(): Promise<string[]> {
    return this.#redis.smembers(keys.openRuns);
  }

  async view(runId: string): Promise<Run> {
    return runView(await this.record(runId), this.#clock());
  }

  /** A page of runs, newest first. */
  list(page: Page): Promise<Run[]> {
    return listRuns(this.#redis, page, this.#clock());
  }

  /** Of every run that is kept. */
  statuses(): Promise<RunStatus[]> {
    return statusesOfRuns(this.#redis);
  }

  /** Events whose `seq` is above `afterSeq`, in order. */
  async events(runId: string, afterSeq: number): Promise<RunEvent[]> {
    const entries = await this.#redis.xrange(keys.runEvents(runId), `${afterSeq + 1}-0`, '+');
    return entries.map(([, [, text]]) => JSON.parse(String(text)) as RunEvent);
  }

  /** A run as it is kept; `not-found` for an unknown id. */
  async record(runId: string): Promise<RunRecord> {
    const record = parseRunHash(await this.#redis.hgetall(keys.run(runId)));
    if (!record) throw unknownRun(runId);
    return record;
  }

  /** All runs that are kept, newest first. */
  async records(): Promise<RunRecord[]> {
    const ids = await this.#redis.zrevrange(keys.runs, 0, -1);
    const records = await Promise.all(ids.map(async (id) => parseRunHash(await this.#redis.hgetall(keys.run(id)))));
    return records.filter((record) => record !== null);
  }

  #draft(runId: string, event: EventDraft): string {
    return JSON.stringify({ at: this.#clock().toISOString(), runId, ...event });
  }
}
