import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import { listNodes, listShards } from '../../elasticsearch/observe-cluster.ts';
import { type BatchLimits, nextOfRoll } from '../../plan/roll/batches.ts';
import type { AnyStep } from '../../plan/steps.ts';

/**
 * Picks the next nodes of a roll at that moment, since the elected master changes while masters restart and shards move: the one that is elected now comes
 * last. The first one as planned when the cluster does not answer; the gates then wait.
 */
export const nextInRoll =
  (clients: ClusterClients) =>
  async (pending: readonly AnyStep[], limits: BatchLimits): Promise<AnyStep[]> => {
    const [first] = pending;
    if (pending.length < 2 || first?.kind !== 'node.change') return pending.slice(0, 1);
    try {
      const client = await clients.get(first.input.cluster);
      const nodes = await listNodes(client);
      const shards = limits.size > 1 ? await listShards(client) : [];
      const names = pending.map(({ target }) => target);
      const batch = nextOfRoll({ nodes, shards }, names, limits);
      const steps = batch.flatMap((name) => pending.find(({ target }) => target === name) ?? []);
      return steps.length > 0 ? steps : [first];
    } catch {
      return [first];
    }
  };
