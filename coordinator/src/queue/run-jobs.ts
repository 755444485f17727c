import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import { type ConnectionOptions, type Job, Queue, WaitingError, Worker } from 'bullmq';
import { keys } from '../store/keys.ts';
import type { StoreAddress } from '../store/open-store.ts';

/**
 * BullMQ decides who drives a run, nothing more: a job holds a run's id, and the run's record and fence decide who may write. A driver that dies loses its
 * job's lock after 6 s and another one takes the job over, as often as that happens (by default a job fails for ever at the second time).
 */
export interface RunsQueue {
  /** Has somebody drive the run; nothing when it is queued or driven already. Waits for Redis while it is away. */
  wake(runId: string): Promise<void>;
  /** Takes no more jobs, stops the drivers by their signal and gives their jobs back, within 4 s. */
  close(): Promise<void>;
}

export interface QueueLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

const NAME = 'runs';
const LOCK_MS = 6000;
const RENEW_MS = 2000;
const STALLED_CHECK_MS = 2000;
const CLOSE_LIMIT_MS = 4000;
/** A run mostly waits, so one coordinator drives many. */
const CONCURRENCY = 50;
/** Nobody reads BullMQ's own events. */
const KEPT_QUEUE_EVENTS = 100;

interface RunJob {
  readonly runId: string;
}

/** A signal that is aborted when the job's lock was lost. */
interface HeldLock {
  readonly signal: AbortSignal;
  stop(): void;
}

/**
 * Renews the lock of one job. Not by BullMQ's own renewal: that keeps one token a job id in a worker, so when a process slept, lost the lock and took the
 * same job again, the end of the first driver would end the renewal of the second.
 */
const holdLock = (job: Job<RunJob>, token: string): HeldLock => {
  const lost = new AbortController();
  let isAsking = false;
  const renew = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    try {
      const held = await job.extendLock(token, LOCK_MS);
      if (held !== 1) lost.abort(new RemoraError('fence-stale', `The lock on run ${job.data.runId} was lost.`));
    } catch {
      // While Redis is away nobody else gets the lock either, and the fence decides in the end.
    } finally {
      isAsking = false;
    }
  };
  const timer = setInterval(() => (lost.signal.aborted ? clearInterval(timer) : void renew()), RENEW_MS);
  return { signal: lost.signal, stop: () => clearInterval(timer) };
};

const giveBack = async (job: Job<RunJob>, token: string): Promise<never> => {
  await job.moveToWait(token);
  throw new WaitingError();
};

/** Says each complaint once until another one comes: an outage makes many of the same. */
const sayOnce = (log: QueueLog): ((error: Error) => void) => {
  let said = '';
  return ({ message }) => {
    // A driver that ends after it lost its job: the run has another driver.
    if (/Missing lock|Lock mismatch|not in the active state/.test(message)) return;
    if (message !== said) log.warn({ reason: message }, 'the queue of runs has trouble with Redis');
    said = message;
  };
};

/** `drive` returns when the run is over, or early when its signal is aborted: the lock was lost, or this coordinator stops. */
export const openRunsQueue = (
  address: StoreAddress,
  drive: (runId: string, signal: AbortSignal) => Promise<void>,
  log: QueueLog,
): RunsQueue => {
  // BullMQ's own back-off goes up to 20 s, three times as long as a lock.
  const retryStrategy = (times: number): number => Math.min(50 * times, 500);
  const connection: ConnectionOptions = { ...address, maxRetriesPerRequest: null, retryStrategy };
  const prefix = keys.queues;
  const queue = new Queue<RunJob>(NAME, { connection, prefix, streams: { events: { maxLen: KEPT_QUEUE_EVENTS } } });
  const closing = new AbortController();
  const work = async (job: Job<RunJob>, token = ''): Promise<void> => {
    if (closing.signal.aborted) return giveBack(job, token);
    const lock = holdLock(job, token);
    try {
      await drive(job.data.runId, AbortSignal.any([closing.signal, lock.signal]));
    } finally {
      lock.stop();
    }
    if (closing.signal.aborted && !lock.signal.aborted) return giveBack(job, token);
  };
  const worker = new Worker<RunJob>(NAME, work, {
    ...{ connection, prefix, concurrency: CONCURRENCY, lockDuration: LOCK_MS, stalledInterval: STALLED_CHECK_MS },
    ...{ maxStalledCount: Number.MAX_SAFE_INTEGER, skipLockRenewal: true, drainDelay: 2, runRetryDelay: 500 },
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  const complain = sayOnce(log);
  queue.on('error', complain);
  worker.on('error', complain);
  return {
    async wake(runId) {
      // A kept id would make the next add a silent no-op, hence the removal on completion and on failure.
      await queue.add('drive', { runId }, { jobId: runId, removeOnComplete: true, removeOnFail: true });
    },
    async close() {
      // First the worker, so that it does not take the jobs back that it gives away.
      const closed = worker.close().then(() => queue.close());
      closing.abort(new RemoraError('store-unavailable', 'This coordinator stops; its runs go on elsewhere.'));
      const inTime = await Promise.race([closed.then(() => true), sleep(CLOSE_LIMIT_MS, false, { ref: false })]);
      if (!inTime)
        log.warn({}, 'Redis is away: runs could not be handed over, they are picked up when their locks run out');
    },
  };
};
