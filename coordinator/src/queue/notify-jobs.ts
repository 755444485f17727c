import type { StoreAddress } from '../store/open-store.ts';
import { openSafeQueue, type QueueLog } from './worker.ts';

/** Messages on their way: kept until they were taken or given up, whatever happens to coordinators. */
export interface NotifyJobs<M> {
  /** Sends a message in the background, once for an id. Answers false, and sends nothing, when far too many wait already. */
  add(id: string, message: M): Promise<boolean>;
  close(): Promise<void>;
}

/** How often a message is tried, with pauses that double. */
export interface Patience {
  readonly tries: number;
  readonly firstPauseMs: number;
}

/** The last try is more than an hour after the first. */
const USUAL: Patience = { tries: 12, firstPauseMs: 2000 };
const MOST_WAITING = 1000;
const CONCURRENCY = 4;
/** How long a message that was taken is known, so that it is not sent again. */
const KNOWN_SECONDS = 3600;

/** `send` throws while it may be tried again; `isLast` says that it is not. */
export const openNotifyJobs = <M>(
  address: StoreAddress,
  send: (message: M, isLast: boolean) => Promise<void>,
  log: QueueLog,
  { tries: attempts, firstPauseMs: delay }: Patience = USUAL,
): NotifyJobs<M> => {
  const { queue, close } = openSafeQueue<{ readonly message: M }>({
    ...{ name: 'notifications', address, log, concurrency: CONCURRENCY },
    // A receiver knows a message that comes twice by its id.
    mayRepeat: true,
    work: (job) => send(job.data.message, job.attemptsMade + 1 >= (job.opts.attempts ?? 1)),
  });
  return {
    async add(jobId, message) {
      if ((await queue.count()) >= MOST_WAITING) return false;
      const backoff = { type: 'exponential', delay };
      const removeOnComplete = { age: KNOWN_SECONDS, count: MOST_WAITING };
      await queue.add('send', { message }, { jobId, attempts, backoff, removeOnComplete, removeOnFail: true });
      return true;
    },
    close,
  };
};
