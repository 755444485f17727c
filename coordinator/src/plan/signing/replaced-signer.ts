import { isOtherVersion } from '../certificates/certificate-versions.ts';
import type { ConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { agentFindings, type Finding } from '../node/agent-findings.ts';
import { changeOf } from '../node/node-change.ts';
import { nodeStep } from '../node/node-step.ts';
import { signingKeystore } from '../node/placed-files.ts';
import type { SigningCertificateRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { newSigningIssue, signerFile, signerStep, signerStepId } from './signing-certificates.ts';
import type { SigningIssue } from './signing-issue.ts';
import { otherSigner } from './signing-names.ts';

/** A certificate with which a node signs, with what is known of its place. */
export interface PlacedSigner {
  readonly record: SigningCertificateRecord;
  readonly cluster: ClusterObservation | undefined;
  readonly node: NodeObservation | undefined;
}

export const placedSigner = (
  record: SigningCertificateRecord,
  clusters: readonly ClusterObservation[],
): PlacedSigner => {
  const cluster = clusters.find(({ name }) => name === record.cluster);
  return { record, cluster, node: cluster?.nodes.find(({ name }) => name === record.node) };
};

/** A run issued a newer one and never placed it. */
export const isSignerBehind = ({ record, node }: PlacedSigner): boolean =>
  node?.agent.state === 'online' &&
  isOtherVersion(
    node.agent.facts.files.find(({ path }) => path === signingKeystore(record.alias)),
    record,
  );

/** Why its node cannot be given another one. `unseen` are clusters that could not be looked at, and why: a sentence each. */
export const placeFindings = (
  { record, cluster, node }: PlacedSigner,
  unseen: ReadonlyMap<string, string>,
): Finding[] => {
  const why = unseen.get(record.cluster);
  if (why !== undefined) return [['cluster-unreachable', why]];
  if (cluster !== undefined && node !== undefined) return agentFindings(node, cluster);
  return [
    [
      'preflight-failed',
      `Node ${record.node} is not in cluster ${record.cluster} now: start it, or take it out with \`remora nodes remove\`.`,
    ],
  ];
};

/** Of those that were made elsewhere: nobody here can make others like them. `signingCa` is the one that signs the others. */
export const elsewhereFindings = (
  { record: { cluster, node, alias, remote, ca, given } }: PlacedSigner,
  signingCa = ca,
): Finding[] =>
  given === undefined
    ? []
    : [
        [
          'conflict',
          `The certificate with which node ${node} (cluster ${cluster}) signs for ${alias} was made elsewhere: ${otherSigner({ cluster, alias, remote, ca: signingCa })}.`,
        ],
      ];

/** That a node signs with the certificate on record by then. */
export const signerProof = (
  place: Pick<SigningIssue, 'cluster' | 'node' | 'alias'>,
  connections: readonly ConnectionRecord[],
  stage: string,
): AnyStep[] => {
  const { cluster, node, alias } = place;
  const connection = connections.find((one) => one.local === cluster && one.alias === alias);
  return connection === undefined
    ? []
    : [
        {
          ...{
            id: signerStepId('verify-signing', place),
            kind: 'signing.verify',
            target: node,
            effect: 'none',
            diff: '',
          },
          ...{ reason: 'the node must sign with the new certificate, and be let in', stage },
          input: { cluster, node, alias, keySecret: connection.keySecret },
        },
      ];
};

interface Replacement {
  /** Absent: the CA and the life of the one that is replaced. */
  readonly ca?: string;
  readonly validityMs?: number;
  readonly reason: string;
}

/** Another certificate under the same subject and password. The first of a connection is proven before the others are placed. */
export const replaceSigner = (
  { record, cluster, node }: PlacedSigner,
  { reason, ...wish }: Replacement,
  isFirst: boolean,
  {
    connections,
    secretVersions,
  }: {
    readonly connections: readonly ConnectionRecord[];
    readonly secretVersions: Readonly<Record<string, number>>;
  },
): AnyStep[] => {
  if (cluster === undefined || node?.agent.state !== 'online') return [];
  const issue = newSigningIssue(record, { ...record, ...wish }, secretVersions);
  const change = changeOf(node, node.agent.facts, {
    ...{ files: [signerFile(issue)], settings: {}, keystore: {}, keystorePassword: null },
  });
  const place = isFirst ? 'first' : 'files';
  const parts = { cluster, node, effect: 'file', stages: { roll: place, files: place } } as const;
  return [
    signerStep(issue, record, { reason, stage: 'issue' }),
    ...(change ? [{ ...nodeStep({ ...parts, change }), id: signerStepId('change', issue) }] : []),
    ...signerProof(issue, connections, isFirst ? 'first' : 'verify'),
  ];
};
