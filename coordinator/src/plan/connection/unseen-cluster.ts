import type { ClusterObservation } from '../facts.ts';

/** A cluster of which nothing is looked at, as far as a planner needs one: without nodes and settings, and with nothing to object to. */
export const unseenCluster = (name: string, clusterUuid: string): ClusterObservation => ({
  ...{ name, clusterUuid, version: '', minimumWireCompatibility: '', health: 'red', security: 'on' },
  ...{ license: { type: '', active: false }, apiKeyService: 'on', missingPrivileges: [], remoteAliases: [] },
  ...{ nodes: [], absentNodes: [], persistent: {}, transient: {}, shards: [] },
});

export const isSeen = ({ version }: Pick<ClusterObservation, 'version'>): boolean => version !== '';
