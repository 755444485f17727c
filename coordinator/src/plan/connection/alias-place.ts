import type { SettingValue } from '@remora/shared/settings.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';

/**
 * Where the settings of an alias stand: in the cluster's own settings, which all of its nodes take, or in elasticsearch.yml of nodes, each of which takes its own. `all`
 * are those with the role remote_cluster_client. Elasticsearch takes each setting from the cluster's where it stands in both.
 */
export type AliasPlace =
  | { readonly kind: 'cluster' }
  | { readonly kind: 'files'; readonly nodes: 'all' | readonly string[] };

/** The place of every alias that nobody wanted in files. */
export const inCluster: AliasPlace = { kind: 'cluster' };

/** An alias as it is wanted, or on record: those of some kinds of connections never stand in files. */
interface Placed {
  readonly alias: string;
  readonly staticNodes?: 'all' | readonly string[] | undefined;
}

/** Where an alias is wanted, or stands by what is on record. */
export const placeOf = ({ staticNodes }: Placed): AliasPlace =>
  staticNodes === undefined ? inCluster : { kind: 'files', nodes: staticNodes };

/** Whether a node connects by an alias that stands there, if it connects at all. */
export const isPlaced = (place: AliasPlace, node: string): boolean =>
  place.kind === 'cluster' || place.nodes === 'all' || place.nodes.includes(node);

/** The nodes that are named, where an alias is not for all that connect; as a step takes them. */
export const onlyNodes = (place: AliasPlace): { readonly nodes?: readonly string[] } =>
  place.kind === 'cluster' || place.nodes === 'all' ? {} : { nodes: place.nodes };

const below = (settings: Readonly<Record<string, SettingValue>>, alias: string): Record<string, SettingValue> => {
  const prefix = `cluster.remote.${alias}.`;
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );
};

/** The settings `cluster.remote.ALIAS.*` as they stand in the cluster's own settings, without the alias's prefix. */
export const standingSettings = (
  { persistent }: Pick<ClusterObservation, 'persistent'>,
  alias: string,
): Record<string, SettingValue> => below(persistent, alias);

/** The same as the process of a node has read them from its elasticsearch.yml. */
export const loadedLines = (
  { settings }: Pick<NodeObservation, 'settings'>,
  alias: string,
): Record<string, SettingValue> => below(settings, alias);

/** The same as they stand in elasticsearch.yml of a node; none where that was not seen. */
export const standingLines = ({ agent }: NodeObservation, alias: string): Record<string, SettingValue> => {
  const values = agent.state === 'online' ? agent.facts.settingsFile.values : {};
  return below(
    Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value]]))),
    alias,
  );
};

/** The settings of an alias as they are in force, without its prefix: of one in files those of the first node that has read any. */
export const settingsInForce = (
  cluster: Pick<ClusterObservation, 'persistent'> & {
    readonly nodes: readonly Pick<NodeObservation, 'name' | 'settings'>[];
  },
  one: Placed,
): Record<string, SettingValue> => {
  const place = placeOf(one);
  const lines = place.kind === 'cluster' ? [] : cluster.nodes.filter(({ name }) => isPlaced(place, name));
  const first = lines.map((node) => loadedLines(node, one.alias)).find((read) => Object.keys(read).length > 0);
  return { ...first, ...standingSettings(cluster, one.alias) };
};

/** Whether an alias is registered where it is wanted, or in the cluster's settings, which come first. */
export const isRegistered = (...[cluster, one]: Parameters<typeof settingsInForce>): boolean =>
  Object.keys(settingsInForce(cluster, one)).length > 0;
