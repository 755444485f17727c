import { formatAddress, isHostName, isIpv4, isIpv6, isLoopback, parseAddress } from '@remora/shared/model/address.ts';
import type { ConnectRequest } from '@remora/shared/model/connect-request.ts';
import { fileNameOf } from '@remora/shared/model/names.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import type { ClusterObservation, NodeObservation } from './facts.ts';
import type { Access } from './records.ts';
import type { CertificateWish } from './steps.ts';

/** Where the remote cluster server of a node will listen, and what its file has to say for that. */
export interface ServerWish {
  readonly node: NodeObservation;
  /** Predicted publish address; verified once the node listens. */
  readonly host: string;
  readonly port: number;
  /** Address settings that have to be written; what stands in the file already is kept and not among them. */
  readonly settings: Readonly<Record<string, SettingValue>>;
  readonly certificate: CertificateWish;
}

export const DEFAULT_PORT = 9443;
const CERTIFICATE_DAYS = 365;
const wildcards = new Set(['0.0.0.0', '::', '_site_', '_global_', '_local_']);

export const files = {
  /** The PKCS#12 file of a remote node, relative to its configuration directory. */
  serverKeystore: 'remora-remote-cluster-server.p12',
  /** One bundle holds the CAs of all remotes of a local cluster. */
  caBundle: 'remora-remote-cluster-cas.crt',
} as const;

export const fileSetting = (node: NodeObservation, name: string): SettingValue | null | undefined =>
  node.agent.state === 'online' ? node.agent.facts.settingsFile.values[name] : undefined;

const text = (value: SettingValue | null | undefined): string | undefined =>
  value === undefined || value === null ? undefined : Array.isArray(value) ? value[0] : String(value);

/**
 * The address rules of Elasticsearch: `remote_cluster.publish_host`, else `remote_cluster.host`, else the transport's bind host. The transport's *publish*
 * host is not followed, so where it was set on purpose the same is written for the remote cluster server.
 */
export const serverWish = (node: NodeObservation, request: ConnectRequest): ServerWish => {
  const standing =
    text(fileSetting(node, 'remote_cluster.publish_host')) ?? text(fileSetting(node, 'remote_cluster.host'));
  const published =
    text(fileSetting(node, 'transport.publish_host')) ?? text(fileSetting(node, 'network.publish_host'));
  const settings: Record<string, SettingValue> = {};
  if (standing === undefined && request.remoteHost !== undefined) settings['remote_cluster.host'] = request.remoteHost;
  else if (standing === undefined && published !== undefined) settings['remote_cluster.publish_host'] = published;
  const standingPort = text(fileSetting(node, 'remote_cluster.port'));
  if (standingPort === undefined && request.remotePort !== undefined)
    settings['remote_cluster.port'] = request.remotePort;
  const chosen = standing ?? request.remoteHost ?? published;
  const host = chosen === undefined || wildcards.has(chosen) ? node.transportHost : chosen;
  const port = Number(standingPort ?? request.remotePort ?? DEFAULT_PORT);
  return { node, host, port, settings, certificate: certificateWish(node, host, request) };
};

/** Names and addresses that can stand in a certificate, each once, in a stable order. DNS names know no case. */
const distinct = (names: readonly string[]): string[] =>
  [...new Set(names.map((name) => name.toLowerCase()))]
    .filter((name) => isIpv4(name) || isIpv6(name) || isHostName(name.replace(/^\*\./, '')))
    .sort();

/** Names and addresses under which a local node may reach this one. */
const certificateWish = (node: NodeObservation, host: string, request: ConnectRequest): CertificateWish => {
  const facts = node.agent.state === 'online' ? node.agent.facts.host : null;
  const listening = node.remoteClusterServer ? [parseAddress(node.remoteClusterServer.publishAddress).host] : [];
  const given = [
    ...(request.sans ?? []),
    ...(request.serverName ? [request.serverName] : []),
    ...addressesOf(request).map((address) => parseAddress(address).host),
  ];
  const loopback = isLoopback(host) ? ['localhost', '127.0.0.1', '::1'] : [];
  const required = distinct([node.name, host, node.transportHost, ...listening, ...given, ...loopback]);
  const all = distinct([...required, ...(facts ? [facts.hostname, ...facts.addresses] : [])]);
  return {
    required,
    commonName: fileNameOf(node.name).slice(0, 64),
    dns: all.filter((name) => !isIpv4(name) && !isIpv6(name)),
    ip: all.filter((name) => isIpv4(name) || isIpv6(name)),
    validityDays: CERTIFICATE_DAYS,
  };
};

const addressesOf = (request: ConnectRequest): string[] => [
  ...(request.seeds ?? []),
  ...(request.proxyAddress ? [request.proxyAddress] : []),
];

/** Ten seeds are plenty: each is only a first contact. Dedicated masters come last, as they should not carry searches. */
const MAX_SEEDS = 10;
const isData = (node: NodeObservation): boolean => node.roles.some((role) => role.startsWith('data'));

/** Where local nodes first connect to. */
export const targetAddresses = (servers: readonly ServerWish[], request: ConnectRequest): string[] => {
  const given = addressesOf(request);
  if (given.length > 0) return given;
  return [...servers]
    .sort((a, b) => Number(isData(b.node)) - Number(isData(a.node)))
    .slice(0, MAX_SEEDS)
    .map(formatAddress);
};

/** The settings `cluster.remote.ALIAS.*` as they shall stand, without the alias's prefix. */
export const aliasSettings = (addresses: readonly string[], request: ConnectRequest): Record<string, SettingValue> => ({
  mode: request.mode,
  ...(request.mode === 'sniff' ? { seeds: [...addresses] } : { proxy_address: addresses[0] ?? '' }),
  ...(request.serverName ? { server_name: request.serverName } : {}),
  ...(request.skipUnavailable === undefined ? {} : { skip_unavailable: String(request.skipUnavailable) }),
  ...request.set,
});

/** What the key grants, from `--search`, `--replication` or the file of `--access`. */
export const accessOf = (request: ConnectRequest): Access => ({
  ...(request.access as Access | undefined),
  ...(request.search?.length ? { search: [{ names: [...request.search] }] } : {}),
  ...(request.replication?.length ? { replication: [{ names: [...request.replication] }] } : {}),
});

/** Nodes that make connections to remote clusters. */
export const connectingNodes = (cluster: ClusterObservation): NodeObservation[] =>
  cluster.nodes.filter((node) => node.roles.includes('remote_cluster_client'));
