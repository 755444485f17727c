import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { isHostName, isIp } from '@remora/shared/model/values/address.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import { publishedParts } from '../connection/published-address.ts';
import type { NodeObservation } from '../facts.ts';
import { hasPlaceholder, isSettingLoaded } from '../node/loaded.ts';
import { fileSetting } from '../node/nodes.ts';

const DEFAULT_PORT = 9443;
/** The default of `remote_cluster.publish_port`. */
const FOLLOWS_BOUND = '-1';
const addressSettings = [
  'remote_cluster.host',
  'remote_cluster.bind_host',
  'remote_cluster.publish_host',
  'remote_cluster.port',
  'remote_cluster.publish_port',
] as const;

/** Where a remote cluster server will listen, and what its file has to say for that. */
export interface ServerAddress {
  /** Predicted publish address; verified once the node listens. */
  readonly host: string;
  /** The name by which Elasticsearch will dial it: where one is published, certificates are compared with that. */
  readonly dialled: string;
  /** Predicted publish port; none (0, NaN) where the file says none that can be known before. */
  readonly port: number;
  /** The port that it binds, which differs where `remote_cluster.publish_port` is set. */
  readonly bindPort: number;
  /** Address settings as they shall stand: what stands in the file already as it is there, so that it is known whether the process has it too. */
  readonly settings: Readonly<Record<string, SettingValue>>;
  /** Names and addresses under which it listens now. */
  readonly listening: readonly string[];
}

/** The first item of a setting: Elasticsearch takes lists of hosts and publishes one. Undefined without a value. */
const first = (value: SettingValue | null | undefined): string | undefined => {
  if (value === undefined || value === null) return undefined;
  const item = Array.isArray(value) ? value[0] : String(value).split(',')[0];
  return item?.trim() || undefined;
};

/** What a setting will be: the file's word, or what the process has where the file is silent (`-E`, the environment of a container) or has a placeholder. */
const effective = (node: NodeObservation, name: string): string | undefined => {
  const written = fileSetting(node, name);
  const silent = written === undefined || written === null || hasPlaceholder(written);
  return (silent ? first(node.settings[name]) : undefined) ?? first(written);
};

/** Whether the host is an address or a name, and neither an interface nor a wildcard. */
export const isNamed = (host: string): boolean =>
  host !== '0.0.0.0' && host !== '::' && (isIp(host) || isHostName(host));

/** The name of what it binds where nothing else is said, which Elasticsearch publishes with the address that it resolves to; undefined where that is none. */
const boundName = (node: NodeObservation, wished: string | undefined): string | undefined => {
  const bound = wished ?? effective(node, 'transport.host') ?? effective(node, 'network.host');
  return bound !== undefined && isNamed(bound) && !isIp(bound) ? bound : undefined;
};

const standingSettings = (node: NodeObservation): Record<string, SettingValue> =>
  Object.fromEntries(
    addressSettings.flatMap((name) => {
      const value = fileSetting(node, name);
      return value === undefined || value === null ? [] : [[name, value]];
    }),
  );

/**
 * The address rules of Elasticsearch: `remote_cluster.publish_host`, else `remote_cluster.host`, else the transport's bind host; the port likewise. The transport's *publish*
 * host is not followed, so where it was set on purpose the same is written for the remote cluster server. Names of interfaces (`_site_`) and wildcards do not
 * tell an address: there the transport's own is the best guess.
 */
export const serverAddress = (
  node: NodeObservation,
  request: Pick<ConnectRequest, 'remoteHost' | 'remotePort'>,
): ServerAddress => {
  const host = effective(node, 'remote_cluster.publish_host') ?? effective(node, 'remote_cluster.host');
  const port = effective(node, 'remote_cluster.port');
  const bindPort = Number(port ?? request.remotePort ?? DEFAULT_PORT);
  const publishPort = effective(node, 'remote_cluster.publish_port') ?? FOLLOWS_BOUND;
  const published = effective(node, 'transport.publish_host') ?? effective(node, 'network.publish_host');
  const standing = standingSettings(node);
  const added: Record<string, SettingValue> = {};
  if (host === undefined && request.remoteHost !== undefined) added['remote_cluster.host'] = request.remoteHost;
  else if (host === undefined && published !== undefined) added['remote_cluster.publish_host'] = published;
  if (port === undefined && request.remotePort !== undefined) added['remote_cluster.port'] = request.remotePort;

  const wished = host ?? request.remoteHost ?? published;
  const predicted = wished !== undefined && isNamed(wished) ? wished : node.transportHost;
  const now = node.remoteClusterServer ? publishedParts(node.remoteClusterServer.publishAddress) : null;
  const isSettled =
    Object.keys(added).length === 0 &&
    Object.entries(standing).every(([name, value]) => isSettingLoaded(node, name, value));
  const truth =
    now && isSettled
      ? now
      : { names: [predicted], port: publishPort === FOLLOWS_BOUND ? bindPort : Number(publishPort) };
  return {
    host: truth.names.includes(predicted) ? predicted : (truth.names.at(-1) ?? predicted),
    dialled: now && isSettled ? (now.names[0] ?? predicted) : (boundName(node, wished) ?? predicted),
    port: truth.port,
    bindPort,
    settings: { ...standing, ...added },
    listening: now?.names ?? [],
  };
};
