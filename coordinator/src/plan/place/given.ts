import { isLoopback } from '@remora/shared/model/address.ts';
import { type CertificateFacts, coversAddress } from '@remora/shared/model/certificate.ts';
import type { PlaceRequest } from '@remora/shared/model/place-request.ts';
import type { Finding } from '../agent-findings.ts';
import type { NodeObservation } from '../facts.ts';
import { choiceFindings, type GivenChoice, givenCertificate, missingFinding, type Signed } from '../given.ts';
import { fileSetting } from '../nodes.ts';
import { sslPrefix } from '../ssl.ts';
import type { PlaceFacts } from './facts.ts';
import { LOOPBACK, namesAskedFor, ownNames, sharedHosts } from './names.ts';

/** Which certificates that were signed elsewhere a request means; null where others are to be made. */
const choiceOf = ({ cluster, purpose, ca, node, given }: PlaceRequest): GivenChoice | null =>
  given === undefined ? null : { cluster, purpose, ca, node, ids: given };

/** The one that a node is to get; undefined where there is none, or another is to be made. */
export const givenFor = (node: NodeObservation, request: PlaceRequest, facts: PlaceFacts): Signed | undefined => {
  const choice = choiceOf(request);
  return choice === null ? undefined : givenCertificate(node, choice, facts);
};

/** Whether nodes hold each other to the name by which they dial. */
const isStrict = ({ cluster }: PlaceFacts): boolean =>
  cluster.nodes.some((node) => (fileSetting(node, `${sslPrefix.transport}.verification_mode`) ?? 'full') === 'full');

/** Names of which a certificate has to cover one, so that it is of use to somebody who asks for it. */
interface Needed {
  readonly names: readonly string[];
  readonly by: string;
}

/** What is needed beside the names that the port is published by. */
const neededNames = (node: NodeObservation, { purpose }: PlaceRequest, facts: PlaceFacts): Needed[] => {
  if (purpose === 'transport') return [];
  if (purpose === 'remote_cluster_server')
    return facts.proxies.map((proxy) => ({
      names: namesAskedFor(proxy),
      by: 'by which clusters that connect through a proxy ask for it',
    }));
  const own = ownNames(node, facts);
  const served = { sans: [...(facts.ports.get(node.name)?.sans ?? [])] };
  return [
    ...facts.urlHosts.filter((host) => own.includes(host.toLowerCase())),
    ...sharedHosts(facts, purpose),
    ...LOOPBACK.filter((name) => coversAddress(served, name)),
  ].map((name) => ({ names: [name], by: `by which the ${isLoopback(name) ? 'agent' : 'coordinator'} asks the node` }));
};

/** Who is refused where a certificate covers none of the names that a port is published by; null where nobody looks. */
const heldBy = ({ purpose }: PlaceRequest, facts: PlaceFacts): string | null => {
  if (purpose === 'transport') return isStrict(facts) ? 'nodes with verification_mode full hold it' : null;
  const isDialled = facts.connections.length === 0 || facts.connections.some(({ mode }) => mode === 'sniff');
  return purpose === 'remote_cluster_server' && isDialled ? 'clusters that connect hold it' : null;
};

/** Why a certificate is not one for this port of a node, as the end of a sentence; null when it is. */
const misfit = (
  certificate: CertificateFacts,
  node: NodeObservation,
  request: PlaceRequest,
  facts: PlaceFacts,
  now: string,
): string | null => {
  const { sans, notAfter } = certificate;
  if (notAfter <= now) return `it ended at ${notAfter}`;
  const covers = (name: string): boolean => coversAddress(certificate, name);
  const own = ownNames(node, facts);
  const list = sans.join(', ') || 'no names';
  const shared = request.purpose === 'remote_cluster_server' ? facts.proxies.flatMap(namesAskedFor) : [];
  if (![...own, ...shared].some(covers))
    return `it names ${list}, and none of what the node is known by (${own.join(', ')})`;
  const missing = neededNames(node, request, facts).find(({ names }) => !names.some(covers));
  if (missing !== undefined) return `it names ${list}, and not ${missing.names.join(' or ')}, ${missing.by}`;
  const published = facts.ports.get(node.name)?.names ?? [];
  const holder = published.length > 0 ? heldBy(request, facts) : null;
  return holder !== null && !published.some(covers)
    ? `it names ${list}, and not ${published.join(' or ')}, to which ${holder}`
    : null;
};

/** What forbids to place certificates that were signed elsewhere on these nodes. */
export const givenFindings = (
  nodes: readonly NodeObservation[],
  request: PlaceRequest,
  facts: PlaceFacts,
  now: string,
): Finding[] => {
  const choice = choiceOf(request);
  if (choice === null) return [];
  return [
    ...choiceFindings(nodes, choice, facts),
    ...nodes.flatMap((node): Finding[] => {
      const found = givenCertificate(node, choice, facts);
      if (!found) return [missingFinding(node, choice)];
      const why = misfit(found.signed.facts, node, request, facts, now);
      const where = `node ${node.name} (cluster ${request.cluster})`;
      return why === null ? [] : [['bad-input', `The certificate for ${where} is not placed: ${why}.`]];
    }),
  ];
};
