import { reopensConnections } from '@remora/shared/model/connection-settings.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { isAtLeast } from '@remora/shared/model/values/version.ts';
import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import type { ClusterObservation } from '../facts.ts';
import { connectingNodes } from '../node/nodes.ts';
import { byName } from '../order.ts';
import type { AnyStep } from '../steps.ts';
import { type AliasPlace, inCluster, isPlaced, loadedLines, standingSettings } from './alias-place.ts';

/** An alias of a local cluster as it shall be. */
export interface AliasWish {
  readonly local: ClusterObservation;
  readonly alias: string;
  readonly place: AliasPlace;
  readonly mode: 'sniff' | 'proxy';
  /** `cluster.remote.ALIAS.*` without the prefix. */
  readonly settings: Readonly<Record<string, SettingValue>>;
  /** Those that Remora ever wrote. */
  readonly ownSettings: readonly string[];
}

/** The settings `cluster.remote.ALIAS.*` as they shall stand, without the alias's prefix. */
export const aliasSettings = (
  addresses: readonly string[],
  request: Pick<ConnectRequest, 'mode' | 'serverName' | 'skipUnavailable' | 'set'>,
): Record<string, SettingValue> => ({
  mode: request.mode,
  ...(request.mode === 'sniff' ? { seeds: [...addresses] } : { proxy_address: addresses[0] ?? '' }),
  ...(request.serverName ? { server_name: request.serverName } : {}),
  ...(request.skipUnavailable === undefined ? {} : { skip_unavailable: String(request.skipUnavailable) }),
  ...request.set,
});

/** Settings of the other mode, which Elasticsearch does not take beside this one. */
const otherMode: Readonly<Record<AliasWish['mode'], readonly string[]>> = {
  sniff: ['proxy_address', 'proxy_socket_connections', 'server_name'],
  proxy: ['seeds', 'node_connections'],
};

/** Of the settings of an alias that stand somewhere those that must not stand there any more: Remora's own, and those of the other mode. */
export const goneOf = (
  standing: Readonly<Record<string, unknown>>,
  { mode, settings, ownSettings }: Pick<AliasWish, 'mode' | 'settings' | 'ownSettings'>,
): string[] =>
  Object.keys(standing).filter(
    (name) => !(name in settings) && (ownSettings.includes(name) || otherMode[mode].includes(name)),
  );

/** How the settings of the alias in the cluster's own settings become others, without its prefix. */
interface AliasChange {
  /** What stands there now. */
  readonly standing: Readonly<Record<string, SettingValue>>;
  /** What is in force on the nodes that connect: what stands there, else what their files say. */
  readonly before: Readonly<Record<string, SettingValue>>;
  readonly changed: readonly (readonly [string, SettingValue])[];
  readonly gone: readonly string[];
}

/** An alias that people registered without saying its mode sniffs. */
const isDefaultMode = (name: string, value: SettingValue, standing: AliasChange['standing']): boolean =>
  name === 'mode' && value === 'sniff' && !('mode' in standing) && Object.keys(standing).length > 0;

const changeOfAlias = (wish: AliasWish): AliasChange => {
  const { local, alias, settings, place } = wish;
  const standing = standingSettings(local, alias);
  const read = connectingNodes(local, inCluster).map((node) => loadedLines(node, alias));
  const before = { ...read.find((lines) => Object.keys(lines).length > 0), ...standing };
  // What stands in files stands nowhere else.
  if (place.kind === 'files') return { standing, before, changed: [], gone: Object.keys(standing) };
  return {
    ...{ standing, before },
    changed: Object.entries(settings).filter(
      ([name, value]) => !sameSettingValue(standing[name], value) && !isDefaultMode(name, value, standing),
    ),
    gone: goneOf(standing, wish),
  };
};

/** Settings whose change closes the connections that there are; none while there are none. */
const reopening = ({ before, changed, gone }: AliasChange, { place, settings }: AliasWish): string[] => {
  // The files have these by then.
  const after = (name: string): SettingValue | undefined => (place.kind === 'files' ? settings[name] : undefined);
  return Object.keys(before).length === 0
    ? []
    : [
        ...changed.filter(([name, value]) => reopensConnections(name, before[name], value)).map(([name]) => name),
        ...gone.filter((name) => reopensConnections(name, before[name], after(name))),
      ];
};

const reasonOf = (change: AliasChange, wish: AliasWish): string => {
  if (Object.keys(change.before).length === 0) return `the alias ${wish.alias} is not registered`;
  const names = reopening(change, wish);
  const what =
    wish.place.kind === 'files'
      ? 'the connection is registered in elasticsearch.yml of nodes, which comes second to the settings of the cluster'
      : Object.keys(change.standing).length === 0
        ? 'the connection is registered in elasticsearch.yml of nodes, and shall be for the whole cluster'
        : 'the connection is registered with other settings';
  return names.length === 0
    ? `${what}; it stays open`
    : `${what}; a change of ${names.join(', ')} closes it and opens it again`;
};

/** Puts the alias into the cluster's settings, brings it to other values, or takes it out there once files have it: in one request, which Elasticsearch checks as a whole. */
export const aliasStep = (wish: AliasWish): AnyStep[] => {
  const { local, alias } = wish;
  const prefix = `cluster.remote.${alias}.`;
  const change = changeOfAlias(wish);
  const { standing, changed, gone } = change;
  if (changed.length + gone.length === 0) return [];
  const persistent: Record<string, SettingValue | null> = Object.fromEntries(
    [...changed, ...gone.map((name) => [name, null] as const)].map(([name, value]) => [prefix + name, value]),
  );
  const diff = [
    ...gone.map((name) => `- ${prefix}${name}: ${String(standing[name])}`),
    ...changed.flatMap(([name, value]) => [
      ...(name in standing ? [`- ${prefix}${name}: ${String(standing[name])}`] : []),
      `+ ${prefix}${name}: ${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}`,
    ]),
  ].join('\n');
  return [
    {
      id: wish.place.kind === 'files' ? 'unregister-alias' : 'register-alias',
      kind: 'cluster-settings.put',
      target: local.name,
      effect: 'api',
      reason: reasonOf(change, wish),
      diff,
      stage: 'connect',
      input: { cluster: local.name, persistent },
    },
  ];
};

/** Nodes that connect by the alias now, and shall no more. */
const nodesLeft = ({ local, alias, place }: AliasWish): string[] => {
  const isForAll = Object.keys(standingSettings(local, alias)).length > 0;
  return connectingNodes(local, inCluster)
    .filter((node) => !isPlaced(place, node.name))
    .filter((node) => isForAll || Object.keys(loadedLines(node, alias)).length > 0)
    .sort(byName)
    .map(({ name }) => name);
};

/** What a person should know before the alias gets these settings. */
export const aliasWarnings = (wish: AliasWish): string[] => {
  const { alias, settings } = wish;
  const { name, version } = wish.local;
  const change = changeOfAlias(wish);
  const names = reopening(change, wish);
  const isNew = Object.keys(change.before).length === 0;
  const left = nodesLeft(wish);
  return [
    ...(left.length === 0
      ? []
      : [
          `The alias ${alias} goes from ${left.join(', ')} (cluster ${name}), in whose elasticsearch.yml it is not to stand: a search that names it there fails with 404.`,
        ]),
    ...(names.length === 0
      ? []
      : [
          `The change of ${names.join(', ')} closes the connections of ${alias} on every node of cluster ${name} and opens others: searches that are under way over them may fail, or leave the remote cluster out where skip_unavailable is true. That takes up to 10 s a node, and _remote/info may say that it is not connected until the next search.`,
        ]),
    ...(isNew && settings.skip_unavailable === undefined && !isAtLeast(version, '8.15.0')
      ? [
          `Cluster ${name} is ${version}, where skip_unavailable is false unless it is set (true since 8.15): a search over ${alias} and others fails as a whole while the remote cluster is away. Give --skip-unavailable to have it as it shall be.`,
        ]
      : []),
  ];
};
