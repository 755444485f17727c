/** How long an executor, or what puts something back, may take to notice that it has to stop. */
export const STOP_GRACE_MS = 1500;

/**
 * The outcome of `work`; or rejects with the signal's reason when `work` has not ended that long after it: an executor that is slow to notice must not hold
 * up a hand-over. It can do no harm later, since every write and every change checks the fence.
 */
export const stopWith = async <T>(signal: AbortSignal, graceMs: number, work: Promise<T>): Promise<T> => {
  const stopped = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => stopped.reject(signal.reason), graceMs);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
    work.catch(() => undefined);
  }
};
