import { isIp } from '@remora/shared/model/values/address.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { changeOf } from '../node/node-change.ts';
import { nodeStep } from '../node/node-step.ts';
import { latestPassphrase } from '../node/secret-names.ts';
import type { CaRecord, CertificateRecord } from '../records.ts';
import type { AnyStep, Stage } from '../steps.ts';
import { otherNamesOf, withOtherNames } from '../trust/other-names.ts';
import { proofStep, serverProof, trustingClients, trustingPeers, unaskedWarnings } from '../trust/port-proof.ts';
import type { TrustObservation } from '../trust/trust.ts';
import { certificateDiff, givenDiff } from './certificate-diff.ts';
import type { CertificateIssue } from './certificate-issue.ts';
import { wishedLifeMs } from './certificate-life.ts';
import { givenWish, type Signed } from './given.ts';
import { commonNameOf, newFileSecrets, serverFiles } from './server-certificate.ts';

/** One node of each cluster goes first, whole: what is wrong with the new certificates shows there, and the others keep theirs. */
export const reissueStages: readonly Stage[] = [
  { id: 'issue', title: 'Issue certificates', mode: 'parallel' },
  { id: 'first', title: 'Place and prove the first', mode: 'serial' },
  { id: 'files', title: 'Place the others', mode: 'parallel' },
  { id: 'verify', title: 'Prove that they are served and trusted', mode: 'parallel' },
];

/** A certificate that is to be replaced, with what is known of its place. */
export interface Reissue {
  readonly record: CertificateRecord;
  readonly cluster: ClusterObservation | undefined;
  readonly node: NodeObservation | undefined;
  /** The CA that signs the new one. */
  readonly ca: CaRecord | undefined;
  /** Why its cluster could not be looked at. */
  readonly unseen: string | undefined;
}

/** What has to be known of a certificate's place. */
interface Places {
  readonly clusters: readonly ClusterObservation[];
  /** Clusters that could not be looked at, and why: a sentence each. */
  readonly unseen: ReadonlyMap<string, string>;
}

export const reissueOf = (record: CertificateRecord, ca: CaRecord | undefined, facts: Places): Reissue => {
  const cluster = facts.clusters.find(({ name }) => name === record.cluster);
  const node = cluster?.nodes.find(({ name }) => name === record.node);
  return { record, cluster, node, ca, unseen: facts.unseen.get(record.cluster) };
};

/** What the new certificates have in place of what the old ones had; what is absent stays as it was. */
export interface NewCertificates {
  readonly ca?: string;
  readonly validityMs?: number;
  /** One that was signed elsewhere, in the place of one that is made. */
  readonly given?: (record: CertificateRecord) => Signed | undefined;
  /** Why they are replaced. */
  readonly reason: string;
}

type Versions = Readonly<Record<string, number>>;

/** Of an encrypted key as people last set it, since it is theirs; what is on record where they removed it. */
export const passphraseOf = ({ cluster, node, key }: CertificateRecord, versions: Versions): string | null =>
  key?.passphraseSecret == null ? null : (latestPassphrase({ cluster, node }, versions) ?? key.passphraseSecret);

/** The same names, password and place; another key, dates and serial. One that was signed elsewhere says what it says. */
export const issueOf = (record: CertificateRecord, versions: Versions, wish: NewCertificates): CertificateIssue => {
  const { cluster, node, purpose, path, names, passwordSecret, key } = record;
  const pem = key === undefined ? null : { key: key.path, passphraseSecret: passphraseOf(record, versions) };
  const given = wish.given?.(record);
  return {
    ...{ cluster, node, purpose, ca: wish.ca ?? record.ca, path, passwordSecret },
    commonName: commonNameOf(node),
    dns: names.filter((name) => !isIp(name)),
    ip: names.filter(isIp),
    required: [...names],
    ...withOtherNames(otherNamesOf(record.facts)),
    validityMs: wish.validityMs ?? wishedLifeMs(record),
    ...(given ? givenWish({ name: node }, given) : {}),
    ...newFileSecrets(record, pem, versions),
  };
};

/** What is first is so for each port of each cluster. */
const isAlike = (a: CertificateRecord, b: CertificateRecord): boolean =>
  a.cluster === b.cluster && a.purpose === b.purpose;

/** A node may have a certificate for each of its ports; names of nodes have no comma. */
const stepId = (what: string, { cluster, node, purpose }: CertificateIssue): string =>
  `${what}-${cluster}.${node}${purpose === 'remote_cluster_server' ? '' : `,${purpose}`}`;

export interface Placing {
  readonly issue: CertificateIssue;
  readonly record: CertificateRecord;
  readonly cluster: ClusterObservation;
  readonly node: NodeObservation;
  readonly isFirst: boolean;
}

export const issueStep = (
  { issue, record }: Pick<Placing, 'issue' | 'record'>,
  { reason, given }: NewCertificates,
): AnyStep => {
  const found = given?.(record);
  return {
    ...{ id: stepId('issue-certificate', issue), kind: 'certificate.issue', target: issue.node },
    ...{ effect: 'none', reason, stage: 'issue' },
    diff: found ? givenDiff(record, found.signed.facts, issue) : certificateDiff(record, issue),
    input: issue,
  };
};

const placeStep = ({ issue, cluster, node, isFirst }: Placing): AnyStep[] => {
  if (node.agent.state !== 'online') return [];
  const change = changeOf(node, node.agent.facts, {
    files: serverFiles(issue),
    settings: {},
    keystore: {},
    keystorePassword: null,
  });
  const stage = isFirst ? 'first' : 'files';
  if (!change) return [];
  const step = nodeStep({ cluster, node, change, effect: 'file', stages: { roll: stage, files: stage } });
  return [{ ...step, id: stepId('change', issue) }];
};

/** In the stage `first` or `verify`. */
export const verifyStep = (placing: Placing, index: number, trust: readonly TrustObservation[]): AnyStep => {
  const { issue, isFirst, cluster } = placing;
  const stage = isFirst ? 'first' : 'verify';
  const { purpose } = issue;
  if (purpose !== 'remote_cluster_server') {
    const peers = purpose === 'transport' ? trustingPeers(cluster, issue.node, { index: isFirst ? 0 : index }) : [];
    return proofStep({ ...issue, purpose }, stage, peers);
  }
  const trusting = trustingClients(issue.cluster, trust, { index, isFirst });
  return serverProof(stepId('verify-server', issue), issue, stage, trusting);
};

const placingsOf = (reissues: readonly Reissue[], versions: Versions, wish: NewCertificates): Placing[] =>
  reissues.flatMap(({ record, cluster, node }, index) =>
    cluster && node
      ? [
          {
            ...{ record, cluster, node, issue: issueOf(record, versions, wish) },
            isFirst: reissues.findIndex((one) => isAlike(one.record, record)) === index,
          },
        ]
      : [],
  );

/** The steps that replace certificates under their names and passwords, ordered by stage: no node restarts. */
export const reissueSteps = (
  reissues: readonly Reissue[],
  facts: { readonly secretVersions: Versions; readonly trust: readonly TrustObservation[] },
  wish: NewCertificates,
): AnyStep[] => {
  const steps = placingsOf(reissues, facts.secretVersions, wish).flatMap((one, index) => [
    issueStep(one, wish),
    ...placeStep(one),
    verifyStep(one, index, facts.trust),
  ]);
  const order = new Map(reissueStages.map(({ id }, index) => [id, index]));
  return steps.sort((a, b) => (order.get(a.stage) ?? 0) - (order.get(b.stage) ?? 0));
};

/** In words, of certificates that would end with their CA. */
export const shortenedWarnings = (steps: readonly AnyStep[], cas: readonly CaRecord[], now: string): string[] =>
  cas
    .filter(({ name, facts: { notAfter } }) =>
      steps.some(
        ({ kind, input }) =>
          kind === 'certificate.issue' &&
          (input as CertificateIssue).ca === name &&
          Date.parse(now) + (input as CertificateIssue).validityMs > Date.parse(notAfter),
      ),
    )
    .map(
      ({ name, facts: { notAfter } }) => `CA ${name} ends at ${notAfter}, and so do the certificates that it signs.`,
    );

/** In words, of nodes that are not asked for their trust. */
export const trustWarnings = (reissues: readonly Reissue[], trust: readonly TrustObservation[]): string[] => {
  const served = reissues.filter(({ record }) => record.purpose === 'remote_cluster_server');
  const remotes = new Set(served.map(({ record }) => record.cluster));
  return unaskedWarnings(trust.filter(({ remote }) => remotes.has(remote)));
};
