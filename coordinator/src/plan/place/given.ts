import { type CertificateFacts, coversAddress } from '@remora/shared/model/certificates/certificate.ts';
import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { isLoopback } from '@remora/shared/model/values/address.ts';
import {
  choiceFindings,
  type GivenChoice,
  givenCertificate,
  missingFinding,
  type Signed,
  seedProblems,
  serverMisfit,
  serverUse,
} from '../certificates/given.ts';
import type { NodeObservation } from '../facts.ts';
import type { Finding } from '../node/agent-findings.ts';
import { fileSetting } from '../node/nodes.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { PlaceFacts } from './facts.ts';
import { LOOPBACK, ownNames, sharedHosts } from './names.ts';

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

/** Names of which each is needed: by those the coordinator and the agent ask the HTTP port. */
const neededNames = (node: NodeObservation, { purpose }: PlaceRequest, facts: PlaceFacts): string[] => {
  if (purpose === 'transport') return [];
  const own = ownNames(node, facts);
  const published = facts.ports.get(node.name)?.names ?? [];
  const served = { sans: [...(facts.ports.get(node.name)?.sans ?? [])] };
  return [
    ...facts.urlHosts.filter((host) => own.includes(host.toLowerCase())),
    ...sharedHosts(facts, purpose),
    // Agents ask by IPv6 where nothing else is published.
    ...LOOPBACK.filter((name) => name !== '::1' || published.includes(name)).filter((name) =>
      coversAddress(served, name),
    ),
  ];
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
  const published = facts.ports.get(node.name)?.names ?? [];
  if (request.purpose === 'remote_cluster_server')
    return serverMisfit(certificate, published[0] ?? '', serverUse(facts.connections, facts.proxies), now);
  if (notAfter <= now) return `it ended at ${notAfter}`;
  const covers = (name: string): boolean => coversAddress(certificate, name);
  const own = ownNames(node, facts);
  const list = sans.join(', ') || 'no names';
  if (!own.some(covers)) return `it names ${list}, and none of what the node is known by (${own.join(', ')})`;
  const missing = neededNames(node, request, facts).find((name) => !covers(name));
  if (missing !== undefined)
    return `it names ${list}, and not ${missing}, by which ${isLoopback(missing) ? 'the agent' : 'the coordinator'} asks the node`;
  const isHeld = request.purpose === 'transport' && published.length > 0 && isStrict(facts);
  return isHeld && !published.some(covers)
    ? `it names ${list}, and not ${published.join(' or ')}, to which nodes with verification_mode full hold it`
    : null;
};

/** What every node of the cluster will serve on its remote cluster port; nothing of one that Remora knows nothing of. */
const willServe = (choice: GivenChoice, facts: PlaceFacts): (CertificateFacts | undefined)[] =>
  facts.cluster.nodes.map((node) => {
    const isMeant = choice.node === undefined || choice.node === node.name;
    const given = isMeant ? givenCertificate(node, choice, facts) : undefined;
    return given?.signed.facts ?? facts.certificates.find((record) => record.node === node.name)?.facts;
  });

const seedFindings = (request: PlaceRequest, choice: GivenChoice, facts: PlaceFacts): Finding[] => {
  const certificates = willServe(choice, facts).filter((one) => one !== undefined);
  const isKnown = certificates.length === facts.cluster.nodes.length;
  return request.purpose === 'remote_cluster_server' && isKnown
    ? seedProblems(request.cluster, facts.seeds, certificates).map((problem): Finding => ['bad-input', problem])
    : [];
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
    ...seedFindings(request, choice, facts),
    ...nodes.flatMap((node): Finding[] => {
      const found = givenCertificate(node, choice, facts);
      if (!found) return [missingFinding(node, choice, '--node')];
      const why = misfit(found.signed.facts, node, request, facts, now);
      const where = `node ${node.name} (cluster ${request.cluster})`;
      return why === null ? [] : [['bad-input', `The certificate for ${where} is not placed: ${why}.`]];
    }),
  ];
};
