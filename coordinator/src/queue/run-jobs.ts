import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import type { StoreAddress } from '../store/open-store.ts';

/**
 * BullMQ decides who drives a run, nothing more: a job holds a run's id, and the run's record and fence decide who may write. A driver that dies loses its
 * job's lock after 6 s and another one takes the job over, as often as that happens (by default a job fails for ever at the second time).
 */
export interface RunsQueue {
  /** Has somebody drive the run; nothing when it is queued or driven already. */
  wake(runId: string): Promise<void>;
  /** Takes no more jobs. The drivers must have ended, or end by their signal. */
  close(): Promise<void>;
}

const NAME = 'runs';
const PREFIX = 'remora:bull';
const LOCK_MS = 6000;
const STALLED_CHECK_MS = 2000;
/** A run mostly waits, so one coordinator drives many. */
const CONCURRENCY = 50;

export const openRunsQueue = (
  address: StoreAddress,
  drive: (runId: string, signal: AbortSignal) => Promise<void>,
  onError: (error: Error) => void,
): RunsQueue => {
  const connection: ConnectionOptions = { ...address, maxRetriesPerRequest: null };
  const queue = new Queue(NAME, { connection, prefix: PREFIX });
  const lost = new Map<string, AbortController>();
  const worker = new Worker<{ readonly runId: string }>(
    NAME,
    async (job) => {
      const controller = new AbortController();
      lost.set(job.data.runId, controller);
      try {
        await drive(job.data.runId, controller.signal);
      } finally {
        lost.delete(job.data.runId);
      }
    },
    {
      connection,
      prefix: PREFIX,
      concurrency: CONCURRENCY,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  );
  worker.on('lockRenewalFailed', (jobIds) => {
    for (const id of jobIds) lost.get(id)?.abort(new Error('the lock on the job was lost'));
  });
  queue.on('error', onError);
  worker.on('error', onError);
  return {
    async wake(runId) {
      // A kept id would make the next add a silent no-op, hence the removal on completion and on failure.
      await queue.add('drive', { runId }, { jobId: runId, removeOnComplete: true, removeOnFail: true });
    },
    async close() {
      await worker.close(true);
      await queue.close();
    },
  };
};
