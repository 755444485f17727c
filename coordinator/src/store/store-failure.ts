import { RemoraError } from '@remora/shared/errors.ts';

/** What Redis answers while it is there but not able: loading its files, a replica, out of memory or disk. */
const NOT_ABLE = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MISCONF|OOM|BUSY) /;
/** What ioredis says when it gave up on a command. */
const GAVE_UP = /^(Connection is closed|Stream isn't writeable|Command timed out)/;

/** Whether a command got no answer because Redis is away: it may or may not have taken effect, and the same command may succeed later. */
export const isStoreFailure = (error: unknown): boolean => {
  if (error instanceof RemoraError) return error.code === 'store-unavailable';
  if (!(error instanceof Error)) return false;
  return error.name === 'MaxRetriesPerRequestError' || GAVE_UP.test(error.message) || NOT_ABLE.test(error.message);
};
