import type { Client } from '@elastic/elasticsearch';
import { explain } from '../../elasticsearch/client.ts';
import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import type { StepContext } from '../executor.ts';

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

/** Writes both scopes where a transient value stood, since it would hide the persistent one. */
const write = async (
  client: Client,
  persistent: string | null,
  transient: string | null | undefined,
): Promise<void> => {
  const answer = await client.cluster.putSettings({
    persistent: { [SETTING]: persistent },
    ...(transient === undefined ? {} : { transient: { [SETTING]: transient } }),
  });
  if (!answer.acknowledged) throw new Error('the cluster took the setting, but not every node acknowledged it');
};

const PAUSED = 'primaries';

/** Lets only primaries be allocated, so that a node's replicas wait for its return; what stood before is recorded first. */
export const pauseAllocation = async (context: StepContext, client: Client, cluster: string): Promise<void> => {
  try {
    const before = await read(client, cluster);
    await context.setRestore(ALLOCATION, before);
    await context.checkFence();
    await write(client, PAUSED, before.transient === null ? undefined : PAUSED);
  } catch (error) {
    throw explain(error, cluster, 'Setting shard allocation to primaries');
  }
};

/** Puts allocation back to what was recorded, where it still is as the roll set it. Throws while the cluster does not take it. */
export const restoreAllocation =
  (clients: ClusterClients) =>
  async (value: unknown): Promise<void> => {
    const before = value as AllocationBefore;
    try {
      const client = await clients.get(before.cluster);
      const now = await read(client, before.cluster);
      // Somebody who changed it meanwhile had a reason: theirs stays.
      if ((now.transient ?? now.persistent) !== PAUSED) return;
      await write(client, before.persistent, before.transient === null ? undefined : before.transient);
    } catch (error) {
      throw explain(error, before.cluster, 'Putting shard allocation back');
    }
  };
