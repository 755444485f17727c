import { isIp, isLoopback } from '@remora/shared/model/address.ts';
import type { CertificateFacts } from '@remora/shared/model/certificate.ts';
import { fileNameOf } from '@remora/shared/model/names.ts';
import type { PlaceRequest } from '@remora/shared/model/place-request.ts';
import type { Finding } from '../agent-findings.ts';
import type { NodeObservation } from '../facts.ts';
import { fileSetting } from '../nodes.ts';
import type { SigningRequestRecord } from '../records.ts';
import { commonNameOf } from '../server-certificate.ts';
import { portName, sslPrefix } from '../ssl.ts';
import type { CertificateIssue, CertificateWish } from '../steps.ts';
import type { PlaceFacts } from './facts.ts';
import { LOOPBACK, ownNames, sharedHosts } from './names.ts';

/** One that was signed elsewhere, and came back or was given with its key. */
type Signed = SigningRequestRecord & { readonly signed: NonNullable<SigningRequestRecord['signed']> };

const isCalled = ({ name }: NodeObservation, request: SigningRequestRecord): boolean =>
  request.name === name || request.name === fileNameOf(name);

/** When `certs accept` took it, ISO 8601; null of one that was given with its key. Records of older releases have a request without that. */
const acceptedAt = (one: SigningRequestRecord): string | null =>
  one.acceptedAt ?? (one.csr === undefined ? null : one.requestedAt);

const isFor = (one: SigningRequestRecord, { purpose, ca }: PlaceRequest): boolean =>
  one.purpose === purpose && one.ca === ca;

/** The certificates among which is chosen: those that are named by their ids, or all that were accepted. */
const candidates = (request: PlaceRequest, { signed }: PlaceFacts): Signed[] => {
  const { given = [] } = request;
  return signed.flatMap((one) => {
    const isMeant = given.length === 0 ? acceptedAt(one) !== null : given.includes(one.id);
    return one.signed !== null && isMeant && isFor(one, request) ? [{ ...one, signed: one.signed }] : [];
  });
};

const takenAt = (one: Signed): string => acceptedAt(one) ?? one.requestedAt;

/** The newest that is called like a node. */
export const givenCertificate = (node: NodeObservation, request: PlaceRequest, facts: PlaceFacts): Signed | undefined =>
  candidates(request, facts)
    .filter((one) => isCalled(node, one))
    .sort((a, b) => takenAt(b).localeCompare(takenAt(a)))[0];

const named = (sans: readonly string[], kind: 'DNS' | 'IP'): string[] =>
  sans.filter((san) => san.startsWith(`${kind}:`)).map((san) => san.slice(kind.length + 1));

/** What a certificate that was signed elsewhere says; null where others are to be made. */
export const givenWish = (
  node: NodeObservation,
  request: PlaceRequest,
  facts: PlaceFacts,
): (CertificateWish & Pick<CertificateIssue, 'given'>) | null => {
  const found = request.given && givenCertificate(node, request, facts);
  if (!found) return null;
  const { sans, notBefore, notAfter, fingerprint256 } = found.signed.facts;
  return {
    commonName: found.commonName || commonNameOf(node.name),
    dns: named(sans, 'DNS'),
    ip: named(sans, 'IP'),
    required: [],
    validityMs: Date.parse(notAfter) - Date.parse(notBefore),
    given: { request: found.id, fingerprint256 },
  };
};

/** `*.` stands for exactly one label; addresses are compared as they are written, which is one way for each. */
const covers = (sans: readonly string[], host: string): boolean => {
  if (isIp(host)) return named(sans, 'IP').includes(host.toLowerCase());
  const name = host.toLowerCase();
  const above = name.replace(/^[^.]+/, '*');
  return named(sans, 'DNS').some((one) => [name, above].includes(one.toLowerCase()));
};

/** Whether nodes hold each other to the name by which they dial. */
const isStrict = ({ cluster }: PlaceFacts): boolean =>
  cluster.nodes.some((node) => (fileSetting(node, `${sslPrefix.transport}.verification_mode`) ?? 'full') === 'full');

/** Names of which each is needed: by those the coordinator and the agent ask the HTTP port. */
const neededNames = (node: NodeObservation, { purpose }: PlaceRequest, facts: PlaceFacts): string[] => {
  if (purpose === 'transport') return [];
  const own = ownNames(node, facts);
  const served = facts.ports.get(node.name)?.sans ?? [];
  return [
    ...facts.urlHosts.filter((host) => own.includes(host.toLowerCase())),
    ...sharedHosts(facts),
    ...LOOPBACK.filter((name) => covers(served, name)),
  ];
};

/** Why a certificate is not one for this port of a node, as the end of a sentence; null when it is. */
const misfit = (
  { sans, notAfter }: CertificateFacts,
  node: NodeObservation,
  request: PlaceRequest,
  facts: PlaceFacts,
  now: string,
): string | null => {
  if (notAfter <= now) return `it ended at ${notAfter}`;
  const own = ownNames(node, facts);
  const list = sans.join(', ') || 'no names';
  if (!own.some((name) => covers(sans, name)))
    return `it names ${list}, and none of what the node is known by (${own.join(', ')})`;
  const missing = neededNames(node, request, facts).find((name) => !covers(sans, name));
  if (missing !== undefined)
    return `it names ${list}, and not ${missing}, by which ${isLoopback(missing) ? 'the agent' : 'the coordinator'} asks the node`;
  const published = facts.ports.get(node.name)?.names ?? [];
  const isHeld = request.purpose === 'transport' && published.length > 0 && isStrict(facts);
  return isHeld && !published.some((name) => covers(sans, name))
    ? `it names ${list}, and not ${published.join(' or ')}, to which nodes with verification_mode full hold it`
    : null;
};

const nodeFindings = (node: NodeObservation, request: PlaceRequest, facts: PlaceFacts, now: string): Finding[] => {
  const where = `node ${node.name} (cluster ${request.cluster})`;
  const found = givenCertificate(node, request, facts);
  if (!found)
    return [
      [
        'bad-input',
        `There is no certificate of CA ${request.ca} for the ${portName[request.purpose]} of ${where}: it is found by its name, ${fileNameOf(node.name)}. \`remora certs requests\` lists them, and --node NAME places one alone.`,
      ],
    ];
  const other = facts.otherNodes.find((one) => fileNameOf(one.node) === fileNameOf(node.name));
  if (request.given?.length === 0 && other !== undefined)
    return [
      [
        'conflict',
        `Cluster ${other.cluster} has a node ${other.node} too, and of a certificate that was accepted only the node's name is known: write it with \`remora certs accept FILE --out DIR\`, and place it with --files DIR.`,
      ],
    ];
  const why = misfit(found.signed.facts, node, request, facts, now);
  return why === null ? [] : [['bad-input', `The certificate for ${where} is not placed: ${why}.`]];
};

/** What forbids to place certificates that were signed elsewhere on these nodes. */
export const givenFindings = (
  nodes: readonly NodeObservation[],
  request: PlaceRequest,
  facts: PlaceFacts,
  now: string,
): Finding[] => {
  if (request.given === undefined) return [];
  const known = candidates(request, facts);
  const gone = request.given.filter((id) => !known.some((one) => one.id === id));
  const others = facts.signed.filter((one) => gone.includes(one.id) && !isFor(one, request));
  const stray = request.given.length === 0 ? [] : known.filter((one) => !nodes.some((node) => isCalled(node, one)));
  return [
    ...others.map(
      ({ id, name, ca, purpose }): Finding => [
        'bad-input',
        `"${id}" is a certificate of CA ${ca} for "${name}" (${purpose}), and not one of CA ${request.ca} for ${request.purpose}.`,
      ],
    ),
    ...gone
      .filter((id) => !others.some((one) => one.id === id))
      .map((id): Finding => ['bad-input', `There is no signed certificate "${id}": see \`remora certs requests\`.`]),
    ...stray.map(
      ({ name }): Finding => [
        'bad-input',
        `There is a certificate for "${name}", which is no node of cluster ${request.cluster}${request.node === undefined ? '' : ` that is meant (--node ${request.node})`}: see \`remora nodes list\`.`,
      ],
    ),
    ...nodes.flatMap((node) => nodeFindings(node, request, facts, now)),
  ];
};
