import { RemoraError } from '@remora/shared/errors.ts';
import { isConnectionFailure } from '../elasticsearch/client.ts';
import type { ClusterClients } from '../elasticsearch/clusters.ts';
import { listNodes } from '../elasticsearch/observe-cluster.ts';

/**
 * Asks the cluster whether a node of this name and process id is its own. A cluster that does not answer now proves nothing, so then it is let pass: the
 * checks before every change ask again.
 */
export const verifyNode =
  (clients: ClusterClients) =>
  async (
    cluster: string,
    { nodeName, pid }: { readonly nodeName: string; readonly pid: number | null },
  ): Promise<void> => {
    const client = await clients.get(cluster);
    const nodes = await listNodes(client).catch((error: unknown) => {
      if (isConnectionFailure(error)) return null;
      throw error;
    });
    if (!nodes) return;
    const node = nodes.find(({ name }) => name === nodeName);
    if (!node)
      throw new RemoraError(
        'wrong-node',
        `Cluster ${cluster} has no node "${nodeName}": it has ${nodes.map(({ name }) => name).join(', ')}.`,
      );
    if (pid !== null && node.pid !== pid)
      throw new RemoraError(
        'wrong-node',
        `Node "${nodeName}" of cluster ${cluster} is process ${node.pid}, but the agent sees process ${pid}: that is a node of another cluster, or on another host.`,
      );
  };
