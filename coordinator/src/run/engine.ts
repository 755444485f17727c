import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@remora/shared/errors.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { Run, RunEvent, RunStatus } from '@remora/shared/model/run.ts';
import type { PlanDocument, StoredPlan } from '../plan/steps.ts';
import { openRunsQueue, type RunsQueue } from '../queue/run-jobs.ts';
import { openInventory } from '../store/inventory.ts';
import type { Store } from '../store/open-store.ts';
import type { Page } from '../store/page.ts';
import { type Ask, RunControl } from '../store/runs/run-control.ts';
import { forgetDebt } from '../store/runs/run-debts.ts';
import { entryOf } from '../store/runs/run-entry.ts';
import { headOf, type RunHead } from '../store/runs/run-hash.ts';
import { RunStore } from '../store/runs/run-store.ts';
import type { StoreProblem } from '../store/store-identity.ts';
import { settleDebts } from './debts.ts';
import { type DriverParts, drive } from './drive.ts';
import { openEventWakeUps } from './event-wake-ups.ts';
import { waitUntilEnded } from './wait-until-ended.ts';

export interface StartOptions {
  readonly actor: string;
  readonly idempotencyKey?: string;
  readonly options?: ChangeOptions;
}

/** Runs, as the services use them. */
export interface RunEngine {
  savePlan(plan: PlanDocument): Promise<void>;
  plan(planId: string): Promise<PlanDocument>;
  plans(page: Page): Promise<PlanDocument[]>;
  /** Files a run, which begins as soon as no other run holds its clusters. The same key of the same actor gives the same run for a day. */
  start(plan: StoredPlan, options: StartOptions): Promise<Run>;
  /** The run that this actor started with this key, or null. */
  startedWith(actor: string, idempotencyKey: string): Promise<Run | null>;
  get(runId: string): Promise<Run>;
  list(page: Page): Promise<Run[]>;
  statuses(): Promise<RunStatus[]>;
  events(runId: string, afterSeq: number): Promise<RunEvent[]>;
  /** Ends a run at its next step; see RunControl. Answers it as it stands then. */
  cancel(runId: string, ask: Ask): Promise<Run>;
  resume(runId: string, ask: Ask & Pick<ChangeOptions, 'notAfter'>): Promise<Run>;
  continue(runId: string, ask: Ask): Promise<Run>;
  /** Calls back when the run may have new events. */
  subscribe(runId: string, wake: () => void): () => void;
  waitUntilEnded(runId: string, signal: AbortSignal): Promise<Run>;
  /** Hands all runs over within 5 s: they go on elsewhere, or here after the next start. */
  close(): Promise<void>;
}

/** Ids that sort by time: base 36 of the ms since 1970, and 40 random bits. */
export const newId = (prefix: 'run' | 'plan', now: Date): string =>
  `${prefix}-${now.getTime().toString(36).padStart(9, '0')}-${randomBytes(5).toString('hex')}`;

/** The head of a new run of a plan. */
export const newHead = (plan: StoredPlan, now: Date, how: Pick<RunHead, 'actor' | 'options'>): RunHead =>
  headOf(plan, { ...how, runId: newId('run', now), createdAt: now.toISOString() });

const RECONCILE_MS = 2000;

/** Brings every open run forward by one: releases locks, admits, wakes a driver. What a crash left undone is found here. */
const reconcile = async (runs: RunStore, queue: RunsQueue, settle: () => Promise<void>): Promise<void> => {
  await settle();
  for (const runId of await runs.openRuns()) {
    if ((await runs.release(runId)) === 'to-drive') await queue.wake(runId);
  }
  for (const runId of await runs.admit()) await queue.wake(runId);
};

/** Reconciles every 2 s, and at once when asked to. */
const keepReconciling = (act: () => Promise<void>): { readonly now: () => Promise<void>; stop(): Promise<void> } => {
  const stopping = new AbortController();
  let last: Promise<void> = Promise.resolve();
  const now = (): Promise<void> => {
    last = last.then(() => (stopping.signal.aborted ? undefined : act()));
    return last;
  };
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await now();
      await sleep(RECONCILE_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const ended = loop();
  return {
    now,
    async stop() {
      stopping.abort();
      // One that waits for Redis ends with its connection.
      await Promise.race([ended, sleep(500, undefined, { ref: false })]);
    },
  };
};

export interface EngineParts extends Omit<DriverParts, 'store'> {
  /** Runs are looked after only while this says null. Absent: always. */
  readonly storeProblem?: StoreProblem;
}

export const startRunEngine = async (store: Store, parts: EngineParts): Promise<RunEngine> => {
  const { log, clock } = parts;
  const runs = new RunStore(store.redis, clock);
  const wakeUps = await openEventWakeUps(store.subscriber);
  const driveOne = async (runId: string, signal: AbortSignal): Promise<void> => {
    try {
      await drive({ ...parts, store: runs }, runId, signal);
    } catch (error) {
      log.error({ runId, reason: messageOf(error) }, 'driving a run failed, it will be tried again');
    }
    // Whoever waited for the run's clusters need not wait for the next round.
    if (!signal.aborted) void reconciling.now();
  };
  const queue = openRunsQueue(store.address, driveOne, log);
  const asked = new RunControl(store.redis, clock);
  const { debts } = openInventory(store.redis);
  const forget = forgetDebt(store.redis, clock);
  const { isOnline } = parts;
  const forgive = async (runId: string, actor: string): Promise<boolean> => {
    if ((await debts.get(runId)) === null) return false;
    const record = await runs.record(runId);
    if (record.status !== 'failed') return false;
    return debts.remove(runId, { ...entryOf(record, actor, 'run.cancel'), detail: 'waits for agents no longer' });
  };
  const settle = async (): Promise<void> => {
    if (isOnline)
      await settleDebts({ debts, forget, run: (runId) => runs.record(runId), control: asked, isOnline, clock, log });
  };
  const lookAfterRuns = async (): Promise<void> => {
    const problem = (await parts.storeProblem?.()) ?? null;
    if (problem === null) await reconcile(runs, queue, settle);
    else log.error({ problem }, 'no run is looked after: the store is not the one that it was');
  };
  const reconciling = keepReconciling(() =>
    lookAfterRuns().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'looking after runs failed')),
  );
  const after = async (runId: string, done: Promise<void>): Promise<Run> => {
    await done;
    await reconciling.now();
    return runs.view(runId);
  };
  // One that ended and waits for agents goes on by itself no more.
  const cancel = async (runId: string, ask: Ask): Promise<void> => {
    if (!(await forgive(runId, ask.actor))) await asked.cancel(runId, ask);
  };
  return {
    savePlan: (plan) => runs.savePlan(plan),
    plan: (planId) => runs.plan(planId),
    plans: (page) => runs.plans(page),
    async start(plan, { actor, idempotencyKey, options = {} }) {
      const head = newHead(plan, clock(), { actor, options });
      const runId = await runs.create(head, plan, idempotencyKey);
      // The run is filed: that it is looked after is the reconciler's part, whatever happens to this request.
      await reconciling.now();
      return runs.view(runId);
    },
    async startedWith(actor, idempotencyKey) {
      const runId = await runs.runOfKey(actor, idempotencyKey);
      return runId === null ? null : runs.view(runId);
    },
    get: (runId) => runs.view(runId),
    list: (page) => runs.list(page),
    statuses: () => runs.statuses(),
    cancel: (runId, ask) => after(runId, cancel(runId, ask)),
    resume: (runId, ask) => after(runId, asked.resume(runId, ask)),
    continue: (runId, ask) => after(runId, asked.continue(runId, ask)),
    events: (runId, afterSeq) => runs.events(runId, afterSeq),
    subscribe: wakeUps.subscribe,
    waitUntilEnded: (runId, signal) => waitUntilEnded((id) => runs.view(id), wakeUps.subscribe, runId, signal),
    async close() {
      wakeUps.close();
      await reconciling.stop();
      await queue.close();
    },
  };
};
