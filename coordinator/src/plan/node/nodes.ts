import type { SettingValue } from '@remora/shared/settings.ts';
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

/** Nodes that make connections to remote clusters. */
export const connectingNodes = (cluster: ClusterObservation): NodeObservation[] =>
  cluster.nodes.filter((node) => node.roles.includes('remote_cluster_client'));
