import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import { explain } from '../../elasticsearch/client.ts';
import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import { listNodes } from '../../elasticsearch/observe-cluster.ts';
import type { VerifyNode } from '../../gateway/session/hello-check.ts';

/** An agent waits 10 s for the answer to its join or its hello. */
const LIMIT_MS = 5000;

/** Asks the cluster for its node of this name and process. Throws `wrong-node` when there is none, `cluster-unreachable` and its kin when it cannot be asked. */
export const verifyNode =
  (clients: ClusterClients): VerifyNode =>
  async (cluster, { nodeName, pid }) => {
    const client = await clients.get(cluster);
    const asking = Promise.race([listNodes(client), sleep(LIMIT_MS, null, { ref: false })]);
    const nodes = await asking.catch((error: unknown) => {
      throw explain(error, cluster, `Looking for node ${nodeName}`);
    });
    if (!nodes)
      throw new RemoraError(
        'cluster-unreachable',
        `Cluster ${cluster} did not say in ${LIMIT_MS / 1000} s what nodes it has.`,
      );
    const node = nodes.find(({ name }) => name === nodeName);
    if (!node)
      throw new RemoraError(
        'wrong-node',
        `Cluster ${cluster} has no node "${nodeName}": it has ${nodes
          .map(({ name }) => name)
          .sort()
          .join(', ')}.`,
      );
    if (node.pid !== pid)
      throw new RemoraError(
        'wrong-node',
        `Node "${nodeName}" of cluster ${cluster} is process ${node.pid}, but the agent sees process ${pid}: that is a node of another cluster, or on another host.`,
      );
    return { nodeId: node.nodeId, version: node.version };
  };
