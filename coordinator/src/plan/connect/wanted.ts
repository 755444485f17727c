import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { formatAddress, isIp, isLoopback, parseAddress } from '@remora/shared/model/values/address.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import type { CertificateWish } from '../certificates/certificate-issue.ts';
import { commonNameOf, distinctNames, LIFE } from '../certificates/server-certificate.ts';
import type { Access } from '../connection/connection-records.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { byName } from '../order.ts';
import { isData } from '../roll/outages.ts';
import { type ServerAddress, serverAddress } from './server-address.ts';

/** The remote cluster server of a node as it shall be. */
export interface ServerWish extends ServerAddress {
  readonly node: NodeObservation;
  readonly certificate: CertificateWish;
}

/** All nodes of the remote cluster, by name: the same facts make the same plan however the cluster lists them. */
export const serverWishes = (remote: ClusterObservation, request: ConnectRequest): ServerWish[] =>
  [...remote.nodes].sort(byName).map((node) => {
    const address = serverAddress(node, request);
    return { ...address, node, certificate: certificateWish(node, address, request) };
  });

/** Names and addresses under which a local node may reach this one. */
const certificateWish = (
  node: NodeObservation,
  { host, dialled, listening }: ServerAddress,
  request: ConnectRequest,
): CertificateWish => {
  const facts = node.agent.state === 'online' ? node.agent.facts.host : null;
  const given = [
    ...(request.sans ?? []),
    ...(request.serverName ? [request.serverName] : []),
    ...addressesOf(request).map((address) => parseAddress(address).host),
  ];
  const loopback = isLoopback(host) ? ['localhost', '127.0.0.1', '::1'] : [];
  const required = distinctNames([node.name, host, dialled, node.transportHost, ...listening, ...given, ...loopback]);
  const all = distinctNames([...required, ...(facts ? [facts.hostname, ...facts.addresses] : [])]);
  return {
    required,
    commonName: commonNameOf(node.name),
    dns: all.filter((name) => !isIp(name)),
    ip: all.filter(isIp),
    validityMs: parseDuration(request.certValidity ?? LIFE),
  };
};

const addressesOf = (request: ConnectRequest): string[] => [
  ...(request.seeds ?? []),
  ...(request.proxyAddress ? [request.proxyAddress] : []),
];

/** Ten seeds are plenty, each being a first contact only, and ten paths are enough to tell a firewall without a flood on a large fleet. */
export const MAX_ADDRESSES = 10;

/** Whether local nodes can be told to connect there. */
export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65535;

/** The addresses of the nodes themselves. Dedicated masters come last, as they should not carry searches. */
export const serverAddresses = (servers: readonly ServerWish[]): string[] =>
  servers
    .filter(({ port }) => isPort(port))
    .sort((a, b) => Number(isData(b.node)) - Number(isData(a.node)))
    .slice(0, MAX_ADDRESSES)
    .map(formatAddress);

/** Where local nodes first connect to. */
export const targetAddresses = (servers: readonly ServerWish[], request: ConnectRequest): string[] => {
  const given = addressesOf(request);
  return given.length > 0 ? given : serverAddresses(servers);
};

/** What the key grants, from `--search`, `--replication` or the file of `--access`. */
export const accessOf = (request: ConnectRequest): Access => ({
  ...(request.access as Access | undefined),
  ...(request.search?.length ? { search: [{ names: [...request.search] }] } : {}),
  ...(request.replication?.length ? { replication: [{ names: [...request.replication] }] } : {}),
});
