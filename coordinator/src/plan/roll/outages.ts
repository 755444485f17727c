import type { ClusterObservation, NodeObservation } from '../facts.ts';
import type { StatedOutages } from './roll-inputs.ts';
import { nameShards, type ShardCopy, shardName, shardsOnlyOn, unreplicatedIndices } from './shards.ts';

const masterEligible = (cluster: ClusterObservation): NodeObservation[] =>
  cluster.nodes.filter((node) => node.roles.includes('master'));

/** Masters but those that only vote. */
const electable = (cluster: ClusterObservation): NodeObservation[] =>
  masterEligible(cluster).filter((node) => !node.roles.includes('voting_only'));

export const isData = (node: NodeObservation): boolean => node.roles.some((role) => role.startsWith('data'));

const masterOutage = (cluster: ClusterObservation, restarts: readonly string[]): string[] => {
  const candidates = electable(cluster);
  const only = candidates.length === 1 ? candidates[0] : undefined;
  if (only && restarts.includes(only.name))
    return [
      `Cluster ${cluster.name} has one node that can be elected master: it takes no changes and may answer 503 while ${only.name} restarts.`,
    ];
  const masters = masterEligible(cluster);
  return masters.length === 2 && masters.some(({ name }) => restarts.includes(name))
    ? [
        `Cluster ${cluster.name} has two master-eligible nodes, of which one votes: it has no master (503) while that one restarts.`,
      ]
    : [];
};

/** Shards whose other copies are assigned to no node: one that may be allocated nowhere never will be, so waiting for it might never end. */
const loneShards = (cluster: ClusterObservation, node: string): ShardCopy[][] =>
  shardsOnlyOn(cluster.shards, [node]).filter((copies) =>
    copies.every((copy) => copy.node === node || copy.state === 'UNASSIGNED'),
  );

const loneShardOutage = (cluster: ClusterObservation, node: string): string[] => {
  const lone = loneShards(cluster, node);
  return lone.length === 0
    ? []
    : [
        `Node ${node} of cluster ${cluster.name} holds the only started copy of ${nameShards(lone)}, of which a replica is assigned to no node: unavailable while ${node} restarts.`,
      ];
};

const onlyDataNode = (cluster: ClusterObservation): string | undefined => {
  const nodes = cluster.nodes.filter(isData);
  return nodes.length === 1 ? nodes[0]?.name : undefined;
};

/** No replica can be kept anywhere else, so waiting for one would never end. */
const dataOutage = (cluster: ClusterObservation, restarts: readonly string[]): string[] => {
  const only = onlyDataNode(cluster);
  if (only === undefined) return restarts.flatMap((node) => loneShardOutage(cluster, node));
  return restarts.includes(only)
    ? [`Cluster ${cluster.name} has one data node: its indices are unavailable while ${only} restarts.`]
    : [];
};

/**
 * What becomes unavailable when these nodes are restarted one by one, a sentence each; empty when the cluster stays up. With two master-eligible nodes
 * Elasticsearch lets only one vote, and while that one restarts there is no master; which one it is changes by itself, so the outage is stated for both.
 */
export const outagesOf = (cluster: ClusterObservation, restarts: readonly string[]): string[] => {
  if (restarts.length === 0) return [];
  if (cluster.nodes.length === 1)
    return [`Cluster ${cluster.name} has one node: it is unavailable while ${restarts[0]} restarts.`];
  return [...masterOutage(cluster, restarts), ...dataOutage(cluster, restarts)];
};

/** Which outages of restarting this node `outagesOf` states, so that just these are not waited for. */
export const statedOutages = (cluster: ClusterObservation, node: string): StatedOutages => ({
  master: masterOutage(cluster, [node]).length > 0,
  data: onlyDataNode(cluster) === node ? 'all' : loneShards(cluster, node).map(([copy]) => shardName(copy)),
});

/** Indices that go away with their node; listed, never blocked on: searchable snapshots have no replicas by design. */
export const unreplicatedWarning = (cluster: ClusterObservation, restarts: readonly string[]): string[] => {
  const indices = unreplicatedIndices(cluster.shards);
  if (restarts.length === 0 || indices.length === 0 || cluster.nodes.length === 1) return [];
  const some = indices.slice(0, 5).join(', ');
  return [
    `Indices of cluster ${cluster.name} without a replica are unavailable while their node restarts: ${some}${indices.length > 5 ? ` and ${indices.length - 5} more` : ''}.`,
  ];
};
