import { type CertificateFacts, coversAddress } from '@remora/shared/model/certificates/certificate.ts';
import type { IssuedPurpose } from '@remora/shared/model/certificates/issued-purpose.ts';
import { parseAddress } from '@remora/shared/model/values/address.ts';
import { fileNameOf } from '@remora/shared/model/values/names.ts';
import type { ConnectionRecord } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import type { Finding } from '../node/agent-findings.ts';
import type { NodeId } from '../node/node-id.ts';
import { portName } from '../node/ssl.ts';
import type { SigningRequestRecord } from '../records.ts';
import { otherNamesOf, withOtherNames } from '../trust/other-names.ts';
import type { TrustObservation } from '../trust/trust.ts';
import type { ProxyWay } from '../trust/trusting-node.ts';
import type { CertificateIssue, CertificateWish } from './certificate-issue.ts';
import { commonNameOf } from './server-certificate.ts';

/** One that was signed elsewhere, and came back or was given with its key. */
export type Signed = SigningRequestRecord & { readonly signed: NonNullable<SigningRequestRecord['signed']> };

/** Which of the certificates that were signed elsewhere are to be placed. */
export interface GivenChoice {
  readonly cluster: string;
  readonly purpose: IssuedPurpose;
  readonly ca: string;
  /** The one node that is meant; absent: all of the cluster. */
  readonly node?: string | undefined;
  /** Ids of those that are meant; empty for the newest of each node that was accepted. */
  readonly ids: readonly string[];
}

/** What is on record, beside the clusters themselves. */
export interface GivenFacts {
  /** Those that were signed elsewhere, of any cluster. */
  readonly signed: readonly SigningRequestRecord[];
  /** Nodes with agents of other clusters. */
  readonly otherNodes: readonly NodeId[];
}

const isCalled = ({ name }: Pick<NodeObservation, 'name'>, request: SigningRequestRecord): boolean =>
  request.name === name || request.name === fileNameOf(name);

/** When `certs accept` took it, ISO 8601; null of one that was given with its key. Records of older releases have a request without that. */
const acceptedAt = (one: SigningRequestRecord): string | null =>
  one.acceptedAt ?? (one.csr === undefined ? null : one.requestedAt);

const isFor = (one: SigningRequestRecord, { purpose, ca }: GivenChoice): boolean =>
  one.purpose === purpose && one.ca === ca;

/** The certificates among which is chosen. */
const candidates = (choice: GivenChoice, { signed }: Pick<GivenFacts, 'signed'>): Signed[] =>
  signed.flatMap((one) => {
    const isMeant = choice.ids.length === 0 ? acceptedAt(one) !== null : choice.ids.includes(one.id);
    return one.signed !== null && isMeant && isFor(one, choice) ? [{ ...one, signed: one.signed }] : [];
  });

const takenAt = (one: Signed): string => acceptedAt(one) ?? one.requestedAt;

/** The newest that is called like a node. */
export const givenCertificate = (
  node: Pick<NodeObservation, 'name'>,
  choice: GivenChoice,
  facts: Pick<GivenFacts, 'signed'>,
): Signed | undefined =>
  candidates(choice, facts)
    .filter((one) => isCalled(node, one))
    .sort((a, b) => takenAt(b).localeCompare(takenAt(a)))[0];

const named = (sans: readonly string[], kind: 'DNS' | 'IP'): string[] =>
  sans.filter((san) => san.startsWith(`${kind}:`)).map((san) => san.slice(kind.length + 1));

/** What a certificate that was signed elsewhere says. */
export const givenWish = (
  node: Pick<NodeObservation, 'name'>,
  { id, commonName, signed }: Signed,
): CertificateWish & Pick<CertificateIssue, 'given'> => {
  const { sans, notBefore, notAfter, fingerprint256 } = signed.facts;
  return {
    commonName: commonName || commonNameOf(node.name),
    dns: named(sans, 'DNS'),
    ip: named(sans, 'IP'),
    required: [],
    ...withOtherNames(otherNamesOf(signed.facts)),
    validityMs: Date.parse(notAfter) - Date.parse(notBefore),
    given: { request: id, fingerprint256 },
  };
};

/** Who connects to the remote cluster ports of a cluster; nobody where it is about other ports. */
export interface ServerClients {
  /** Connections that Remora manages. */
  readonly connections: readonly ConnectionRecord[];
  /** The proxies of these. */
  readonly proxies: readonly ProxyWay[];
  /** Of each connection with seeds their hosts. */
  readonly seeds: readonly (readonly string[])[];
  /** Clusters of which it cannot be seen through which proxy they connect, and why: a sentence each. */
  readonly unknownProxies: readonly string[];
  /** Nodes that connect to the ports themselves. */
  readonly trust: readonly TrustObservation[];
  /** Clusters whose nodes could not be asked whether they trust anything, and why: a sentence each. */
  readonly unasked: readonly string[];
}

/** By which names remote cluster ports are asked for. */
export interface ServerUse {
  /** Some connect to the nodes themselves. */
  readonly isDirect: boolean;
  /** Others through these. */
  readonly proxies: readonly ProxyWay[];
}

/** Of these connections to one cluster. Where nobody is known who connects, it is for those who connect to the nodes themselves. */
export const serverUse = (
  connections: readonly Pick<ConnectionRecord, 'mode'>[],
  proxies: readonly ProxyWay[],
): ServerUse => ({
  isDirect: connections.length === 0 || connections.some(({ mode }) => mode === 'sniff'),
  proxies,
});

/** What a connection through a proxy compares a certificate with: Elasticsearch takes one that covers any of these. */
export const namesAskedFor = ({ address, serverName }: ProxyWay): string[] => [
  ...(serverName === null ? [] : [serverName]),
  address.host,
];

/** Why a certificate does not do for a remote cluster port that nodes dial by this name (empty where it is not known), as the end of a sentence; null when it does. */
export const serverMisfit = (
  certificate: CertificateFacts,
  dialled: string,
  { isDirect, proxies }: ServerUse,
  now: string,
): string | null => {
  const { sans, notAfter } = certificate;
  if (notAfter <= now) return `it ended at ${notAfter}`;
  const asked = [...(isDirect && dialled !== '' ? [[dialled]] : []), ...proxies.map(namesAskedFor)];
  const missing = asked.find((names) => !names.some((name) => coversAddress(certificate, name)));
  return missing === undefined
    ? null
    : `it names ${sans.join(', ') || 'no names'}, and not ${missing.join(' or ')}, by which clusters that connect ask for it`;
};

/**
 * Of connections whose seeds are names of no node's own, such as one with several addresses, those that no certificate would cover: they find the cluster until they have
 * to look for it again. Sentences.
 */
export const seedProblems = (
  cluster: string,
  seeds: ServerClients['seeds'],
  certificates: readonly CertificateFacts[],
): string[] =>
  seeds
    .filter((hosts) => !hosts.some((host) => certificates.some((certificate) => coversAddress(certificate, host))))
    .map(
      (hosts) =>
        `None of the certificates covers a seed by which nodes look for cluster ${cluster} (${hosts.join(', ')}): give certificates that do, or seeds that they cover.`,
    );

/** Hosts of the seeds of an alias, of whose settings these are. */
export const seedHosts = ({ seeds }: Readonly<Record<string, unknown>>): string[] =>
  [seeds ?? []].flat().map((seed) => parseAddress(String(seed)).host);

/** What is wrong with the choice itself, whatever the nodes are like. */
export const choiceFindings = (
  nodes: readonly NodeObservation[],
  choice: GivenChoice,
  facts: GivenFacts,
): Finding[] => {
  const { cluster, purpose, ca, node: only, ids } = choice;
  const known = candidates(choice, facts);
  const gone = ids.filter((id) => !known.some((one) => one.id === id));
  const others = facts.signed.filter((one) => gone.includes(one.id) && !isFor(one, choice));
  const stray = ids.length === 0 ? [] : known.filter((one) => !nodes.some((node) => isCalled(node, one)));
  return [
    ...others.map(
      (one): Finding => [
        'bad-input',
        `"${one.id}" is a certificate of CA ${one.ca} for "${one.name}" (${one.purpose}), and not one of CA ${ca} for ${purpose}.`,
      ],
    ),
    ...gone
      .filter((id) => !others.some((one) => one.id === id))
      .map((id): Finding => ['bad-input', `There is no signed certificate "${id}": see \`remora certs requests\`.`]),
    ...stray.map(
      ({ name }): Finding => [
        'bad-input',
        `There is a certificate for "${name}", which is no node of cluster ${cluster}${only === undefined ? '' : ` that is meant (--node ${only})`}: see \`remora nodes list\`.`,
      ],
    ),
    ...(ids.length === 0 ? nodes.flatMap((node) => ambiguous(node, facts)) : []),
  ];
};

/** Of a certificate that was accepted only the node's name is known. */
const ambiguous = (node: NodeObservation, { otherNodes }: GivenFacts): Finding[] => {
  const other = otherNodes.find((one) => fileNameOf(one.node) === fileNameOf(node.name));
  return other === undefined
    ? []
    : [
        [
          'conflict',
          `Cluster ${other.cluster} has a node ${other.node} too, and of a certificate that was accepted only the node's name is known: write it with \`remora certs accept FILE --out DIR\`, and place it with --files DIR.`,
        ],
      ];
};

const useOf: Readonly<Record<IssuedPurpose, string>> = { ...portName, remote_signing: 'signatures' };

/** That a node has none; `alone` is the flag that leaves the others. */
export const missingFinding = (node: NodeObservation, { cluster, purpose, ca }: GivenChoice, alone = ''): Finding => [
  'bad-input',
  `There is no certificate of CA ${ca} for the ${useOf[purpose]} of node ${node.name} (cluster ${cluster}): it is found by its name, ${fileNameOf(node.name)}. \`remora certs requests\` lists them${alone === '' ? '' : `, and ${alone} NAME places one alone`}.`,
];
