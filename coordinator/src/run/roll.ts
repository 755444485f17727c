import type { ClusterClients } from '../elasticsearch/clusters.ts';
import { listNodes } from '../elasticsearch/observe-cluster.ts';
import { rollOrder } from '../plan/order.ts';
import type { AnyStep } from '../plan/steps.ts';

/**
 * Picks the next node of a roll at that moment, since the elected master changes while masters restart: the one that is elected now comes last. As planned
 * when the cluster does not answer; the gates then wait.
 */
export const nextInRoll =
  (clients: ClusterClients) =>
  async (pending: readonly AnyStep[]): Promise<AnyStep | undefined> => {
    const [first] = pending;
    if (pending.length < 2 || first?.kind !== 'node.change') return first;
    try {
      const nodes = await listNodes(await clients.get(first.input.cluster));
      const order = rollOrder(nodes.filter(({ name }) => pending.some(({ target }) => target === name)));
      return pending.find(({ target }) => target === order[0]?.name) ?? first;
    } catch {
      return first;
    }
  };
