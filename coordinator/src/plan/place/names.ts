import { cloudNodeName } from '@remora/shared/model/clouds/cloud-name.ts';
import type { PlacedPurpose, PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { isIp, isLoopback } from '@remora/shared/model/values/address.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import type { CertificateWish } from '../certificates/certificate-issue.ts';
import { wishedLifeMs } from '../certificates/certificate-life.ts';
import { namesAskedFor } from '../certificates/given.ts';
import { commonNameOf, distinctNames, LIFE } from '../certificates/server-certificate.ts';
import type { NodeObservation } from '../facts.ts';
import { otherNamesOf, withOtherNames } from '../trust/other-names.ts';
import type { PlaceFacts } from './facts.ts';

export const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

/** Names by which a node is known already, so that no other node's certificate covers them. */
export const ownNames = (node: NodeObservation, { ports }: PlaceFacts): string[] => {
  const host = node.agent.state === 'online' ? node.agent.facts.host : null;
  return distinctNames([
    node.name,
    node.transportHost,
    ...(ports.get(node.name)?.names ?? []),
    ...(host ? [host.hostname, ...host.addresses] : []),
  ]);
};

/**
 * Names by which a port is asked for that are no single node's, such as a load balancer's: every node behind it has to cover them. Of the HTTP port the hosts of the
 * coordinator's URLs, of the remote cluster port what clusters that connect through a proxy ask for.
 */
export const sharedHosts = (facts: PlaceFacts, purpose: PlacedPurpose): string[] => {
  if (purpose === 'transport') return [];
  if (purpose === 'remote_cluster_server') return distinctNames(facts.proxies.flatMap(namesAskedFor));
  const taken = new Set(facts.cluster.nodes.flatMap((node) => ownNames(node, facts)));
  return distinctNames(facts.urlHosts).filter((host) => !taken.has(host) && !isLoopback(host));
};

/** The names by which trust restrictions know the node: those that are asked for, or that it has. */
export const otherNamesWished = (
  node: NodeObservation,
  { cloud }: PlaceRequest,
  { certificates }: PlaceFacts,
): readonly string[] => {
  const standing = certificates.find((record) => record.node === node.name);
  if (cloud !== undefined) return [cloudNodeName(node.name, cloud)];
  return standing ? otherNamesOf(standing.facts) : [];
};

/** What the certificate of a node's port shall say: the names under which other nodes (transport) or clients and the agent beside it (HTTP) reach it. */
export const certificateWish = (node: NodeObservation, facts: PlaceFacts, request: PlaceRequest): CertificateWish => {
  const published = facts.ports.get(node.name)?.names ?? [];
  const around = [node.transportHost, ...published].some(isLoopback) || request.purpose === 'http' ? LOOPBACK : [];
  const shared = sharedHosts(facts, request.purpose);
  const required = distinctNames([node.name, ...published, ...(request.sans ?? []), ...around, ...shared]);
  const standing = facts.certificates.find((record) => record.node === node.name);
  // Names that `connect` was told, by which others may find the port.
  const kept = request.purpose === 'remote_cluster_server' ? (standing?.names ?? []) : [];
  const all = distinctNames([...required, ...ownNames(node, facts), ...kept]);
  return {
    required,
    commonName: commonNameOf(node.name),
    dns: all.filter((name) => !isIp(name)),
    ip: all.filter(isIp),
    ...withOtherNames(otherNamesWished(node, request, facts)),
    validityMs:
      request.validity === undefined && standing ? wishedLifeMs(standing) : parseDuration(request.validity ?? LIFE),
  };
};
