import type { SettingValue } from '@remora/shared/settings.ts';
import { type AliasPlace, inCluster, isPlaced, placeOf } from '../connection/alias-place.ts';
import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';

/** A setting as elasticsearch.yml has it; undefined when it does not stand there, null when it stands there without a value. */
export const fileSetting = (node: NodeObservation, name: string): SettingValue | null | undefined =>
  node.agent.state === 'online' ? node.agent.facts.settingsFile.values[name] : undefined;

/**
 * The items of a setting that is a list, which may stand as a list or as a text with commas. Elasticsearch splits a text at commas, but not the items of a
 * list.
 */
export const itemsOf = (value: SettingValue | null | undefined): string[] =>
  (Array.isArray(value) ? value.map(String) : String(value ?? '').split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** Nodes that connect to a remote cluster by an alias that stands there; with `inCluster` all that connect to any. */
export const connectingNodes = (cluster: Pick<ClusterObservation, 'nodes'>, place: AliasPlace): NodeObservation[] =>
  cluster.nodes.filter(({ name, roles }) => roles.includes('remote_cluster_client') && isPlaced(place, name));

/** Nodes that connect by any of these connections. */
export const nodesOf = (
  cluster: Pick<ClusterObservation, 'name' | 'nodes'>,
  connections: readonly AnyConnectionRecord[],
): NodeObservation[] => {
  const own = connections.filter(({ local }) => local === cluster.name);
  return connectingNodes(cluster, inCluster).filter(({ name }) => own.some((one) => isPlaced(placeOf(one), name)));
};
