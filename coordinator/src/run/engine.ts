import { randomBytes } from 'node:crypto';
import { messageOf } from '@remora/shared/errors.ts';
import { isEnded, type Run, type RunEvent } from '@remora/shared/model/run.ts';
import type { StoredPlan } from '../plan/steps.ts';
import { openRunsQueue } from '../queue/run-jobs.ts';
import { channels } from '../store/keys.ts';
import type { Store } from '../store/open-store.ts';
import { headOf } from '../store/run-hash.ts';
import { RunStore } from '../store/run-store.ts';
import { type DriverParts, drive } from './drive.ts';

export interface StartOptions {
  readonly actor: string;
  readonly idempotencyKey?: string;
}

/** Runs, as the services use them. */
export interface RunEngine {
  savePlan(plan: StoredPlan): Promise<void>;
  start(plan: StoredPlan, options: StartOptions): Promise<Run>;
  get(runId: string): Promise<Run>;
  list(): Promise<Run[]>;
  events(runId: string, afterSeq: number): Promise<RunEvent[]>;
  /** Calls back when the run may have new events. */
  subscribe(runId: string, wake: () => void): () => void;
  waitUntilEnded(runId: string, signal: AbortSignal): Promise<Run>;
  /** Hands all runs over: they go on elsewhere, or here after the next start. */
  close(): Promise<void>;
}

/** Ids that sort by time: base 36 of the ms since 1970, and 40 random bits. */
export const newId = (prefix: 'run' | 'plan', now: Date): string =>
  `${prefix}-${now.getTime().toString(36).padStart(9, '0')}-${randomBytes(5).toString('hex')}`;

const RECONCILE_MS = 2000;
/** A coordinator has 5 s to stop, all in all. */
const HAND_OVER_LIMIT_MS = 2000;

/** One wake-up for many listeners over the one shared subscriber. */
const eventWakeUps = (store: Store): Pick<RunEngine, 'subscribe'> & { close(): void } => {
  const listeners = new Map<string, Set<() => void>>();
  const onMessage = (channel: string, text: string): void => {
    if (channel !== channels.runEvents) return;
    const { runId } = JSON.parse(text) as RunEvent;
    for (const wake of listeners.get(runId) ?? []) wake();
  };
  store.subscriber.on('message', onMessage);
  return {
    subscribe(runId, wake) {
      const all = listeners.get(runId) ?? new Set();
      listeners.set(runId, all.add(wake));
      return () => {
        all.delete(wake);
        if (all.size === 0) listeners.delete(runId);
      };
    },
    close: () => void store.subscriber.off('message', onMessage),
  };
};

/** Brings every open run forward by one: admits, wakes a driver, releases locks. What a crash left undone is found here. */
const reconcile = async (runs: RunStore, wake: (runId: string) => Promise<void>): Promise<void> => {
  await runs.admit();
  for (const runId of await runs.openRuns()) {
    const { status, restores } = await runs.record(runId);
    if (status === 'running' || (isEnded(status) && restores.size > 0)) await wake(runId);
    else if (isEnded(status)) await runs.release(runId);
  }
};

export const startRunEngine = async (store: Store, parts: Omit<DriverParts, 'store'>): Promise<RunEngine> => {
  const runs = new RunStore(store.redis, parts.clock);
  const stopping = new AbortController();
  const driving = new Set<Promise<void>>();
  const queue = openRunsQueue(
    store.address,
    (runId, lockLost) => {
      const done = drive({ ...parts, store: runs }, runId, AbortSignal.any([lockLost, stopping.signal])).catch(
        (error: unknown) => {
          parts.log.error({ runId, reason: messageOf(error) }, 'driving a run failed, it will be tried again');
        },
      );
      driving.add(done);
      return done.finally(() => driving.delete(done));
    },
    (error) => parts.log.warn({ reason: messageOf(error) }, 'the queue has no Redis'),
  );
  const wakeUps = eventWakeUps(store);
  await store.subscriber.subscribe(channels.runEvents);
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await reconcile(runs, queue.wake).catch((error: unknown) =>
        parts.log.warn({ reason: messageOf(error) }, 'looking after runs failed'),
      );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RECONCILE_MS);
        stopping.signal.addEventListener('abort', () => [clearTimeout(timer), resolve()], { once: true });
      });
    }
  })();
  return {
    savePlan: (plan) => runs.savePlan(plan),
    async start(plan, { actor, idempotencyKey }) {
      const now = parts.clock();
      const head = headOf(plan, { runId: newId('run', now), actor, createdAt: now.toISOString() });
      const runId = await runs.create(head, plan, idempotencyKey);
      await runs.admit();
      const run = await runs.view(runId);
      if (run.status === 'running') await queue.wake(runId);
      return run;
    },
    get: (runId) => runs.view(runId),
    list: () => runs.list(),
    events: (runId, afterSeq) => runs.events(runId, afterSeq),
    subscribe: wakeUps.subscribe,
    waitUntilEnded: (runId, signal) => waitUntilEnded(runs, wakeUps.subscribe, runId, signal),
    async close() {
      stopping.abort(new Error('this coordinator stops'));
      wakeUps.close();
      await Promise.race([
        Promise.all([loop, ...driving]),
        new Promise((resolve) => setTimeout(resolve, HAND_OVER_LIMIT_MS).unref()),
      ]);
      await queue.close();
    },
  };
};

const waitUntilEnded = async (
  runs: RunStore,
  subscribe: RunEngine['subscribe'],
  runId: string,
  signal: AbortSignal,
): Promise<Run> => {
  for (;;) {
    const run = await runs.view(runId);
    if (isEnded(run.status)) return run;
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void): void => {
        unsubscribe();
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        act();
      };
      const onAbort = (): void => settle(() => reject(signal.reason));
      const unsubscribe = subscribe(runId, () => settle(resolve));
      // A wake-up may be lost with a connection, so it is never the only way.
      const timer = setTimeout(() => settle(resolve), RECONCILE_MS);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
};
