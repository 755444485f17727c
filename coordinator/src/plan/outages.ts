import type { ClusterObservation } from './facts.ts';

const masterEligible = (cluster: ClusterObservation) => cluster.nodes.filter((node) => node.roles.includes('master'));

/**
 * What becomes unavailable when these nodes are restarted one by one, a sentence each; empty when the cluster stays up. With two master-eligible nodes
 * Elasticsearch lets only one vote, and while that one restarts there is no master; which one it is changes by itself, so the outage is stated for both.
 */
export const outagesOf = (cluster: ClusterObservation, restarts: readonly string[]): string[] => {
  if (restarts.length === 0) return [];
  const masters = masterEligible(cluster);
  const restartedMasters = masters.filter((node) => restarts.includes(node.name));
  if (cluster.nodes.length === 1)
    return [`Cluster ${cluster.name} has one node: it is unavailable while ${restarts[0]} restarts.`];
  if (masters.length === 1 && restartedMasters.length === 1)
    return [
      `Cluster ${cluster.name} has one master-eligible node: it takes no changes and may answer 503 while ${restartedMasters[0]?.name} restarts.`,
    ];
  if (masters.length === 2 && restartedMasters.length > 0)
    return [
      `Cluster ${cluster.name} has two master-eligible nodes, of which one votes: it has no master (503) while that one restarts.`,
    ];
  return [];
};

/** Whether the outage of restarting this node is stated by `outagesOf`, so that quorum is not waited for. */
export const isOutageStated = (cluster: ClusterObservation, node: string): boolean =>
  outagesOf(cluster, [node]).length > 0;

/** Indices that go away with their node; listed, never blocked on: searchable snapshots have no replicas by design. */
export const unreplicatedWarning = (cluster: ClusterObservation, restarts: readonly string[]): string[] => {
  const indices = cluster.unreplicatedIndices;
  if (restarts.length === 0 || indices.length === 0 || cluster.nodes.length === 1) return [];
  const some = indices.slice(0, 5).join(', ');
  return [
    `Indices of cluster ${cluster.name} without a replica are unavailable while their node restarts: ${some}${indices.length > 5 ? ` and ${indices.length - 5} more` : ''}.`,
  ];
};
