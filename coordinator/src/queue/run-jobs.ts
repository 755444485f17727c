import type { StoreAddress } from '../store/open-store.ts';
import { openSafeQueue, type QueueLog } from './worker.ts';

/** BullMQ decides who drives a run, nothing more: a job holds a run's id, and the run's record and fence decide who may write. */
export interface RunsQueue {
  /** Has somebody drive the run; nothing when it is queued or driven already. Waits for Redis while it is away. */
  wake(runId: string): Promise<void>;
  /** Takes no more jobs, stops the drivers by their signal and gives their jobs back, within 4 s. */
  close(): Promise<void>;
}

/** A run mostly waits, so one coordinator drives many. */
const CONCURRENCY = 50;

interface RunJob {
  readonly runId: string;
}

/** `drive` returns when the run is over, or early when its signal is aborted: the lock was lost, or this coordinator stops. */
export const openRunsQueue = (
  address: StoreAddress,
  drive: (runId: string, signal: AbortSignal) => Promise<void>,
  log: QueueLog,
): RunsQueue => {
  const { queue, close } = openSafeQueue<RunJob>({
    ...{ name: 'runs', address, log, concurrency: CONCURRENCY },
    work: (job, signal) => drive(job.data.runId, signal),
  });
  return {
    async wake(runId) {
      // A kept id would make the next add a silent no-op, hence the removal on completion and on failure.
      await queue.add('drive', { runId }, { jobId: runId, removeOnComplete: true, removeOnFail: true });
    },
    close,
  };
};
