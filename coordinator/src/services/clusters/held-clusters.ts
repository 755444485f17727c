import { RemoraError } from '@remora/shared/errors.ts';

/** The run that holds a cluster now; null when none does. */
export type LockOf = (cluster: string) => Promise<string | null>;

/** Throws `conflict` that names the run which holds the cluster: what it works with must not go away under it. */
export const refuseWhileLocked = async (lockOf: LockOf, cluster: string, what: string): Promise<void> => {
  const run = await lockOf(cluster);
  if (run === null) return;
  throw new RemoraError('conflict', `${what} cannot be removed while ${run} holds cluster ${cluster}.`, {
    hint: `Wait until it has ended: \`remora runs watch ${run}\`.`,
  });
};
