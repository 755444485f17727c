import type { StoreAddress } from '../store/open-store.ts';
import { openSafeQueue, type QueueLog } from './worker.ts';

/** Messages on their way: kept until they were taken or given up, whatever happens to coordinators. */
export interface NotifyJobs<M> {
  /** Sends a message in the background, once for an id. Answers false, and sends nothing, when far too many wait already. */
  add(id: string, message: M): Promise<boolean>;
  close(): Promise<void>;
}

/** Pauses of 2, 4, 8 s and so on between the tries: the last one is more than an hour after the first. */
const TRIES = 12;
const FIRST_PAUSE_MS = 2000;
const MOST_WAITING = 1000;
const CONCURRENCY = 4;
/** How long a message that was taken is known, so that it is not sent again. */
const KNOWN_SECONDS = 3600;

/** `send` throws while it may be tried again; `isLast` says that it is not. */
export const openNotifyJobs = <M>(
  address: StoreAddress,
  send: (message: M, isLast: boolean) => Promise<void>,
  log: QueueLog,
): NotifyJobs<M> => {
  const { queue, close } = openSafeQueue<{ readonly message: M }>({
    ...{ name: 'notifications', address, log, concurrency: CONCURRENCY },
    work: (job) => send(job.data.message, job.attemptsMade + 1 >= (job.opts.attempts ?? 1)),
  });
  return {
    async add(jobId, message) {
      if ((await queue.count()) >= MOST_WAITING) return false;
      const backoff = { type: 'exponential', delay: FIRST_PAUSE_MS };
      const removeOnComplete = { age: KNOWN_SECONDS, count: MOST_WAITING };
      await queue.add('send', { message }, { jobId, attempts: TRIES, backoff, removeOnComplete, removeOnFail: true });
      return true;
    },
    close,
  };
};
