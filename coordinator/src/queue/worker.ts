import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import { type AdvancedOptions, type ConnectionOptions, type Job, Queue, WaitingError, Worker } from 'bullmq';
import { keys } from '../store/keys.ts';
import type { StoreAddress } from '../store/open-store.ts';

/**
 * A queue of BullMQ whose jobs are never lost and never two at once: a process that dies loses its job's lock after 6 s and another one takes the job over, as
 * often as that happens (by default a job fails for ever at the second time).
 */
export interface SafeQueue<T> {
  readonly queue: Queue<T>;
  /** Takes no more jobs, stops those that are worked on by their signal and gives them back, within 4 s. */
  close(): Promise<void>;
}

export interface QueueLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

interface QueueParts<T> {
  readonly name: string;
  readonly address: StoreAddress;
  readonly log: QueueLog;
  readonly concurrency: number;
  /** Returns when the job is done, or early when the signal is aborted: the lock was lost, or this coordinator stops. */
  readonly work: (job: Job<T>, signal: AbortSignal) => Promise<void>;
  readonly settings?: AdvancedOptions;
  /** Work does no harm when it is done twice: it is not waited for when its signal is aborted, so that a coordinator that stops does so at once. */
  readonly mayRepeat?: true;
}

const LOCK_MS = 6000;
const RENEW_MS = 2000;
const STALLED_CHECK_MS = 2000;
const CLOSE_LIMIT_MS = 4000;
/** Nobody reads BullMQ's own events. */
const KEPT_QUEUE_EVENTS = 100;

/** A signal that is aborted when the job's lock was lost. */
interface HeldLock {
  readonly signal: AbortSignal;
  stop(): void;
}

/**
 * Renews the lock of one job. Not by BullMQ's own renewal: that keeps one token a job id in a worker, so when a process slept, lost the lock and took the
 * same job again, the end of the first driver would end the renewal of the second.
 */
const holdLock = (job: Job, token: string): HeldLock => {
  const lost = new AbortController();
  let isAsking = false;
  const renew = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    try {
      const held = await job.extendLock(token, LOCK_MS);
      if (held !== 1) lost.abort(new RemoraError('fence-stale', `The lock on the job ${job.id} was lost.`));
    } catch {
      // While Redis is away nobody else gets the lock either, and what the job writes is guarded by itself.
    } finally {
      isAsking = false;
    }
  };
  const timer = setInterval(() => (lost.signal.aborted ? clearInterval(timer) : void renew()), RENEW_MS);
  return { signal: lost.signal, stop: () => clearInterval(timer) };
};

const giveBack = async (job: Job, token: string): Promise<never> => {
  await job.moveToWait(token);
  throw new WaitingError();
};

/** Says each complaint once until another one comes: an outage makes many of the same. */
const sayOnce = (name: string, log: QueueLog): ((error: Error) => void) => {
  let said = '';
  return ({ message }) => {
    // Work that ends after its job was lost: somebody else does it.
    if (/Missing lock|Lock mismatch|not in the active state/.test(message)) return;
    if (message !== said) log.warn({ reason: message }, `the queue of ${name} has trouble with Redis`);
    said = message;
  };
};

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

export const openSafeQueue = <T>(parts: QueueParts<T>): SafeQueue<T> => {
  const { name, address, log, concurrency, work, settings, mayRepeat } = parts;
  // BullMQ's own back-off goes up to 20 s, three times as long as a lock.
  const retryStrategy = (times: number): number => Math.min(50 * times, 500);
  const connection: ConnectionOptions = { ...address, maxRetriesPerRequest: null, retryStrategy };
  const shared = { connection, prefix: keys.queues, ...(settings === undefined ? {} : { settings }) };
  const queue = new Queue<T>(name, { ...shared, streams: { events: { maxLen: KEPT_QUEUE_EVENTS } } });
  const closing = new AbortController();
  const workOn = async (job: Job<T>, token = ''): Promise<void> => {
    if (closing.signal.aborted) return giveBack(job, token);
    const lock = holdLock(job, token);
    try {
      const signal = AbortSignal.any([closing.signal, lock.signal]);
      const done = work(job, signal);
      await (mayRepeat ? Promise.race([done, whenAborted(signal)]) : done);
    } finally {
      lock.stop();
    }
    if (closing.signal.aborted && !lock.signal.aborted) return giveBack(job, token);
  };
  const worker = new Worker<T>(name, workOn, {
    ...{ ...shared, concurrency, lockDuration: LOCK_MS, stalledInterval: STALLED_CHECK_MS },
    ...{ maxStalledCount: Number.MAX_SAFE_INTEGER, skipLockRenewal: true, drainDelay: 2, runRetryDelay: 500 },
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  const complain = sayOnce(name, log);
  queue.on('error', complain);
  worker.on('error', complain);
  return {
    // Its type adds what BullMQ guesses from T, which is not told yet here.
    queue: queue as unknown as Queue<T>,
    async close() {
      // First the worker, so that it does not take the jobs back that it gives away.
      const closed = worker.close().then(() => queue.close());
      closing.abort(new RemoraError('store-unavailable', 'This coordinator stops; its work goes on elsewhere.'));
      const inTime = await Promise.race([closed.then(() => true), sleep(CLOSE_LIMIT_MS, false, { ref: false })]);
      if (!inTime)
        log.warn(
          {},
          `Redis is away: jobs of ${name} could not be handed over, they are picked up when their locks run out`,
        );
    },
  };
};
