import { RemoraError } from '@remora/shared/errors.ts';
import { statusOf } from '../../elasticsearch/client.ts';
import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import { unseenCluster } from '../../plan/connection/unseen-cluster.ts';
import type { ClusterObservation } from '../../plan/facts.ts';

/** The cluster id of whatever answers at the addresses of a cluster; `no` where nothing does, null where it does not say. */
const answering = async (clients: ClusterClients, cluster: string): Promise<string | null | 'no'> => {
  try {
    return (await (await clients.get(cluster)).info()).cluster_uuid;
  } catch (error) {
    // A proxy says 502 or 504 of a cluster that it does not reach.
    return [undefined, 502, 504].includes(statusOf(error)) ? 'no' : null;
  }
};

/**
 * A cluster that is gone for good, as far as a planner looks at one: no node, no setting. Throws `conflict` where it answers still, since then its keys can be
 * invalidated; another cluster at its addresses is not it.
 */
export const observeGone = async (clients: ClusterClients, name: string): Promise<ClusterObservation> => {
  const { clusterUuid } = await clients.record(name);
  const answered = await answering(clients, name);
  if (answered === null || answered === clusterUuid)
    throw new RemoraError('conflict', `Cluster ${name} is not gone: it answers.`, {
      hint: 'Give the command without --remote-gone, which would leave the API key valid.',
    });
  return unseenCluster(name, clusterUuid);
};
