import { reopensConnections } from '@remora/shared/model/connection-settings.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { isAtLeast } from '@remora/shared/model/values/version.ts';
import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import type { ClusterObservation } from '../facts.ts';
import type { AnyStep } from '../steps.ts';

/** An alias of a local cluster as it shall be. */
export interface AliasWish {
  readonly local: ClusterObservation;
  readonly alias: string;
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

/** How the settings of the alias in the cluster's own settings become others, without its prefix. */
interface AliasChange {
  /** What stands there now. */
  readonly standing: Readonly<Record<string, SettingValue>>;
  readonly changed: readonly (readonly [string, SettingValue])[];
  readonly gone: readonly string[];
}

/** The settings `cluster.remote.ALIAS.*` as they stand in the cluster's own settings, without the alias's prefix. */
export const standingSettings = (
  { persistent }: Pick<ClusterObservation, 'persistent'>,
  alias: string,
): Record<string, SettingValue> => {
  const prefix = `cluster.remote.${alias}.`;
  return Object.fromEntries(
    Object.entries(persistent).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );
};

/** An alias that people registered without saying its mode sniffs. */
const isDefaultMode = (name: string, value: SettingValue, standing: AliasChange['standing']): boolean =>
  name === 'mode' && value === 'sniff' && !('mode' in standing) && Object.keys(standing).length > 0;

const changeOfAlias = ({ local, alias, mode, settings, ownSettings }: AliasWish): AliasChange => {
  const standing = standingSettings(local, alias);
  return {
    standing,
    changed: Object.entries(settings).filter(
      ([name, value]) => !sameSettingValue(standing[name], value) && !isDefaultMode(name, value, standing),
    ),
    gone: Object.keys(standing).filter(
      (name) => !(name in settings) && (ownSettings.includes(name) || otherMode[mode].includes(name)),
    ),
  };
};

/** Settings whose change closes the connections that there are; none while there are none. */
const reopening = ({ standing, changed, gone }: AliasChange): string[] =>
  Object.keys(standing).length === 0
    ? []
    : [
        ...changed.filter(([name, value]) => reopensConnections(name, standing[name], value)).map(([name]) => name),
        ...gone.filter((name) => reopensConnections(name, standing[name], undefined)),
      ];

const reasonOf = (change: AliasChange, alias: string): string => {
  if (Object.keys(change.standing).length === 0) return `the alias ${alias} is not registered`;
  const names = reopening(change);
  return names.length === 0
    ? 'the connection is registered with other settings; it stays open'
    : `the connection is registered with other settings; a change of ${names.join(', ')} closes it and opens it again`;
};

/** Puts the alias into the cluster's settings, or brings it to other values: in one request, which Elasticsearch checks as a whole. */
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
      id: 'register-alias',
      kind: 'cluster-settings.put',
      target: local.name,
      effect: 'api',
      reason: reasonOf(change, alias),
      diff,
      stage: 'connect',
      input: { cluster: local.name, persistent },
    },
  ];
};

/** What a person should know before the alias gets these settings. */
export const aliasWarnings = (wish: AliasWish): string[] => {
  const { alias, settings } = wish;
  const { name, version } = wish.local;
  const change = changeOfAlias(wish);
  const names = reopening(change);
  const isNew = Object.keys(change.standing).length === 0;
  return [
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
