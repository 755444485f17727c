import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { explain } from '../../../elasticsearch/client.ts';
import type { ClusterClients } from '../../../elasticsearch/clusters.ts';
import { limitOf } from '../../../limit.ts';
import type { StepContext } from '../../executor.ts';

const SETTING = 'cluster.routing.allocation.enable';

/** Shard allocation of a cluster as it was before the roll: put back to this, not to a default. */
interface AllocationBefore {
  readonly cluster: string;
  readonly persistent: string | null;
  readonly transient: string | null;
}

/** Name of the run's restore entry: a run rolls one cluster at a time, and puts this back before the next. */
export const ALLOCATION = 'allocation';

const read = async (client: Client, cluster: string): Promise<AllocationBefore> => {
  const settings = await client.cluster.getSettings({ flat_settings: true });
  const value = (scope: Record<string, unknown> | undefined): string | null =>
    (scope?.[SETTING] as string | undefined) ?? null;
  return { cluster, persistent: value(settings.persistent), transient: value(settings.transient) };
};

/**
 * Writes both scopes where a transient value stood, since it would hide the persistent one. A master that is busy gives the call up by itself before our
 * client does (10 s), so that it cannot take effect after we went on.
 */
const write = async (
  client: Client,
  persistent: string | null,
  transient: string | null | undefined,
): Promise<void> => {
  const answer = await client.cluster.putSettings({
    ...{ master_timeout: '5s', timeout: '4s' },
    persistent: { [SETTING]: persistent },
    ...(transient === undefined ? {} : { transient: { [SETTING]: transient } }),
  });
  if (!answer.acknowledged) throw new Error('the cluster took the setting, but not every node acknowledged it');
};

const PAUSED = 'primaries';
const PAUSE_LIMIT_MS = 60_000;
const AGAIN_MS = 2000;

const pauseOnce = async (context: StepContext, client: Client, cluster: string): Promise<void> => {
  try {
    const before = await read(client, cluster);
    await context.setRestore(ALLOCATION, before);
    await context.checkFence();
    await write(client, PAUSED, before.transient === null ? undefined : PAUSED);
  } catch (error) {
    throw explain(error, cluster, 'Setting shard allocation to primaries');
  }
};

/**
 * Lets only primaries be allocated, so that a node's replicas wait for its return; what stood before is recorded first. A master that is too busy for it is
 * asked again for a minute.
 */
export const pauseAllocation = async (context: StepContext, client: Client, cluster: string): Promise<void> => {
  const limit = limitOf(PAUSE_LIMIT_MS);
  for (;;) {
    try {
      await pauseOnce(context, client, cluster);
      return;
    } catch (error) {
      if (!isBusy(error) || limit.isOver()) throw error;
      await context.sleep(AGAIN_MS);
    }
  }
};

const isBusy = (error: unknown): boolean =>
  error instanceof RemoraError && ['cluster-unreachable', 'elasticsearch-error'].includes(error.code);

/** Puts allocation back to what was recorded, where it still is as the roll set it. Throws while the cluster does not take it. */
export const restoreAllocation =
  (clients: ClusterClients) =>
  async (value: unknown): Promise<void> => {
    const before = value as AllocationBefore;
    try {
      const client = await clients.get(before.cluster);
      const now = await read(client, before.cluster);
      // Somebody who changed it meanwhile had a reason: theirs stays. What is as it was before is written all the same: a pause may still wait at the master.
      const isOurs = [PAUSED, before.transient ?? before.persistent].includes(now.transient ?? now.persistent);
      if (!isOurs) return;
      await write(client, before.persistent, before.transient === null ? undefined : before.transient);
    } catch (error) {
      throw explain(error, before.cluster, 'Putting shard allocation back');
    }
  };
