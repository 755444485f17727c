import {
  exactIdentity,
  matchesAll,
  matchesIdentity,
  subjectFor,
} from '@remora/shared/model/certificates/certificate-identity.ts';
import { type ConnectRequest, isSigned } from '@remora/shared/model/requests/connect-request.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import { LIFE } from '../certificates/server-certificate.ts';
import { keyConnections, type Signing } from '../connection/connection-records.ts';
import type { ClusterObservation, ConnectFacts } from '../facts.ts';
import { files } from '../node/placed-files.ts';
import type { CaRecord, SigningCertificateRecord } from '../records.ts';
import { withComing } from '../trust/ca-names.ts';
import { givenSubjects } from './given-signers.ts';

type Known = Pick<ConnectFacts, 'connections' | 'signers'>;
type Ends = Pick<ConnectRequest, 'local' | 'remote' | 'alias'>;

/** The certificates with which the nodes of a connection sign, or signed until a run that turns it off has come to its end. */
export const standingSigners = ({ signers }: Pick<Known, 'signers'>, { local, alias }: Omit<Ends, 'remote'>) =>
  signers.filter((one) => one.cluster === local && one.alias === alias);

/** What they have in common. */
const standingSigning = (
  { connections, signers }: Known,
  ends: Omit<Ends, 'remote'>,
): Omit<Signing, 'identity'> | Pick<SigningCertificateRecord, 'ca' | 'subject' | 'validityMs'> | undefined =>
  keyConnections(connections).find(({ local, alias }) => local === ends.local && alias === ends.alias)?.signing ??
  standingSigners({ signers }, ends)[0];

/** Whether requests over the connection are signed, were, or may be by a run that came no further. */
export const mayBeSigning = (facts: Known, ends: Omit<Ends, 'remote'>): boolean =>
  standingSigning(facts, ends) !== undefined;

/** With certificates that were made elsewhere: as they are. */
const givenWish = (
  request: ConnectRequest,
  facts: Pick<ConnectFacts, 'local' | 'signed' | 'signerSubjects'>,
  standing: ReturnType<typeof standingSigning>,
): Signing | string => {
  const { local, signingCa: ca = '', certificateIdentity } = request;
  const [subject, ...more] = givenSubjects(request, facts);
  if (subject === undefined)
    return `There is no signing certificate of CA ${ca} for any node of cluster ${local}: each is found by the name of its node. \`remora certs requests\` lists them.`;
  if (more.length > 0)
    return `The signing certificates for the nodes of cluster ${local} have several subjects (${[subject, ...more].join('; ')}), and nodes that come later could not be told by one: have them made with one subject.`;
  if (certificateIdentity !== undefined && !matchesIdentity(certificateIdentity, subject))
    return `--certificate-identity ${certificateIdentity} does not match the subject of the signing certificates, which Elasticsearch compares as ${subject}: the whole of it has to match.`;
  return {
    ...{ ca, subject, identity: certificateIdentity ?? exactIdentity(subject) },
    validityMs: standing?.validityMs ?? parseDuration(LIFE),
  };
};

/** How requests shall be signed; null where they shall not, a sentence where no subject is known that the expression matches. */
export const signingWish = (
  request: ConnectRequest,
  facts: Known & Pick<ConnectFacts, 'local' | 'signed' | 'signerSubjects'>,
): Signing | null | string => {
  if (!isSigned(request)) return null;
  const { local, alias, certificateIdentity } = request;
  const standing = standingSigning(facts, request);
  if (request.signingGiven !== undefined) return givenWish(request, facts, standing);
  const usual = standing?.subject ?? `CN=${local}-${alias}`;
  const subject =
    request.signingSubject ??
    (certificateIdentity === undefined ? usual : subjectFor(certificateIdentity, [usual], local));
  if (subject === null)
    return `--certificate-identity ${certificateIdentity}: it matches neither ${usual} nor anything that can be read off it, so it is not known what the signing certificates shall say: give --signing-subject with a subject that it matches, like CN=${local},O=Example.`;
  return {
    ca: request.signingCa ?? standing?.ca ?? `${local}-signing`,
    subject,
    identity: certificateIdentity ?? exactIdentity(subject),
    validityMs:
      request.signingValidity === undefined
        ? (standing?.validityMs ?? parseDuration(LIFE))
        : parseDuration(request.signingValidity),
  };
};

/** In words, of an expression that asks for nothing in particular. */
export const wideWarning = (wish: Signing | null): string[] =>
  wish !== null && matchesAll(wish.identity)
    ? [
        `--certificate-identity ${wish.identity} matches every subject: whoever has the key and any certificate of CA ${wish.ca} gets in. Elastic does not recommend that for production.`,
      ]
    : [];

const inTrustFile = ({ nodes }: ClusterObservation) =>
  nodes.flatMap(({ name, agent }) =>
    agent.state === 'online'
      ? agent.facts.files
          .filter(({ path, digest }) => path === files.signingCas && digest !== null)
          .flatMap(({ certificates }) => certificates.map((one) => ({ node: name, ...one })))
      : [],
  );

/** CAs whose keys are elsewhere, in the file of a remote cluster: somebody put them there for connections that Remora does not manage, and had them imported. */
export const theirCas = (remote: ClusterObservation, cas: readonly CaRecord[]): string[] => {
  const held = new Set(inTrustFile(remote).map(({ fingerprint256 }) => fingerprint256));
  return cas.filter(({ key, facts }) => key === null && held.has(facts.fingerprint256)).map(({ name }) => name);
};

/** CAs of Remora's own in that file. */
export const heldCas = (remote: ClusterObservation, cas: readonly CaRecord[]): string[] => {
  const held = new Set(inTrustFile(remote).map(({ fingerprint256 }) => fingerprint256));
  return cas.filter(({ key, facts }) => key !== null && held.has(facts.fingerprint256)).map(({ name }) => name);
};

/** CAs in that file that Remora does not know, each as somebody would find it. */
export const strangeCas = (remote: ClusterObservation, cas: readonly CaRecord[]): string[] => {
  const known = new Set(cas.map((ca) => ca.facts.fingerprint256));
  return inTrustFile(remote)
    .filter(({ fingerprint256 }) => !known.has(fingerprint256))
    .map(({ node, subject }) => `${files.signingCas} of node ${node} (cluster ${remote.name}) holds ${subject}`);
};

/** CAs whose signatures a remote cluster has to take for connections, but for one of them where it is given; each once, in order. */
export const takenCas = (
  { connections, signers, cas }: Known & Pick<ConnectFacts, 'cas'>,
  remote: ClusterObservation,
  without?: Omit<Ends, 'remote'>,
): string[] => {
  const isMeant = (local: string, alias: string): boolean => local !== without?.local || alias !== without.alias;
  const wanted = keyConnections(connections).flatMap((one) =>
    one.remote === remote.name && one.signing && isMeant(one.local, one.alias) ? [one.signing.ca] : [],
  );
  const used = signers.filter((one) => one.remote === remote.name && isMeant(one.cluster, one.alias));
  return withComing(cas, [...wanted, ...used.map(({ ca }) => ca), ...theirCas(remote, cas)]);
};

/** CAs whose signatures a remote cluster has to take for other connections than this one, each once, in order. */
export const othersCas = (facts: Known & Pick<ConnectFacts, 'remote' | 'cas'>, ends: Ends): string[] =>
  takenCas(facts, facts.remote, ends);
