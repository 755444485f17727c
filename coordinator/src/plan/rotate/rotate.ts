import { isIp } from '@remora/shared/model/address.ts';
import { parseDuration } from '@remora/shared/model/duration.ts';
import type { RotateRequest } from '@remora/shared/model/rotate-request.ts';
import { certificateDiff } from '../certificate-diff.ts';
import { wishedLifeMs } from '../certificate-life.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { changeOf } from '../node-change.ts';
import { nodeStep } from '../node-step.ts';
import type { CertificateRecord } from '../records.ts';
import { serverSecrets } from '../secret-names.ts';
import { commonNameOf, serverKeystoreFile } from '../server-certificate.ts';
import type { AnyStep, CertificateIssue, Stage, StoredPlan, TrustingNode } from '../steps.ts';
import { dueCertificates, isBehind, meantCertificates } from './chosen.ts';
import type { RotateFacts } from './facts.ts';
import { type Rotation, refuseRotation } from './refusals.ts';

/** One node of each cluster goes first, whole: what is wrong with the new certificates shows there, and the others keep theirs. */
const stages: readonly Stage[] = [
  { id: 'issue', title: 'Issue certificates', mode: 'parallel' },
  { id: 'first', title: 'Place and prove the first', mode: 'serial' },
  { id: 'files', title: 'Place the others', mode: 'parallel' },
  { id: 'verify', title: 'Prove that they are served and trusted', mode: 'parallel' },
];

/** The same names, password and place; another key, dates and serial. */
const issueOf = (record: CertificateRecord, facts: RotateFacts, request: RotateRequest): CertificateIssue => {
  const { cluster, node, purpose, ca, path, names, passwordSecret } = record;
  const { p12 } = serverSecrets(record);
  return {
    ...{ cluster, node, purpose, ca, path, passwordSecret },
    commonName: commonNameOf(node),
    dns: names.filter((name) => !isIp(name)),
    ip: names.filter(isIp),
    required: [...names],
    validityMs: request.validity === undefined ? wishedLifeMs(record) : parseDuration(request.validity),
    p12Secret: `secret:${p12}@${(facts.secretVersions[p12] ?? 0) + 1}`,
  };
};

interface Placing {
  readonly issue: CertificateIssue;
  readonly record: CertificateRecord;
  readonly cluster: ClusterObservation;
  readonly node: NodeObservation;
  readonly isFirst: boolean;
}

const issueStep = ({ issue, record }: Placing): AnyStep => ({
  ...{ id: `issue-certificate-${issue.cluster}.${issue.node}`, kind: 'certificate.issue', target: issue.node },
  ...{ effect: 'none', reason: 'its certificate is to be replaced', stage: 'issue' },
  diff: certificateDiff(record, issue),
  input: issue,
});

const placeStep = ({ issue, cluster, node, isFirst }: Placing): AnyStep[] => {
  if (node.agent.state !== 'online') return [];
  const change = changeOf(node, node.agent.facts, {
    files: [serverKeystoreFile(issue)],
    settings: {},
    keystore: {},
    keystorePassword: null,
  });
  const stage = isFirst ? 'first' : 'files';
  return change ? [nodeStep({ cluster, node, change, effect: 'file', stages: { roll: stage, files: stage } })] : [];
};

const verifyStep = ({ issue, isFirst }: Placing, trustedBy: readonly TrustingNode[]): AnyStep => ({
  ...{ id: `verify-server-${issue.cluster}.${issue.node}`, kind: 'remote-server.verify', target: issue.node },
  ...{ effect: 'none', stage: isFirst ? 'first' : 'verify', diff: '' },
  reason: 'the port must serve the new certificate, and every node that connects must trust it',
  input: { ...issue, planned: null, trustedBy },
});

const placingsOf = (rotations: readonly Rotation[], facts: RotateFacts, request: RotateRequest): Placing[] =>
  rotations.flatMap(({ record, cluster, node }, index) =>
    cluster && node
      ? [
          {
            ...{ record, cluster, node, issue: issueOf(record, facts, request) },
            isFirst: rotations.findIndex((one) => one.record.cluster === record.cluster) === index,
          },
        ]
      : [],
  );

/**
 * Who has to trust a certificate before the next one is placed: nodes that trusted the one before, by a handshake of their own. All of them try the first, whose CA
 * and names are those of the others; of these each is tried by one, so that a large fleet is not a large number of handshakes.
 */
const trustedBy = ({ issue, isFirst }: Placing, index: number, facts: RotateFacts): TrustingNode[] => {
  const trusting = facts.trust
    .filter(({ remote, problem }) => remote === issue.cluster && problem === null)
    .map(({ cluster, node, certificateAuthorities }) => ({ cluster, node, certificateAuthorities }));
  return isFirst ? trusting : trusting.filter((_, at) => at === index % trusting.length);
};

/** In words, of certificates that would end with their CA. */
const shortenedWarnings = (placings: readonly Placing[], facts: RotateFacts, now: string): string[] =>
  facts.cas
    .filter(({ name, facts: { notAfter } }) =>
      placings.some(({ issue }) => issue.ca === name && Date.parse(now) + issue.validityMs > Date.parse(notAfter)),
    )
    .map(
      ({ name, facts: { notAfter } }) => `CA ${name} ends at ${notAfter}, and so do the certificates that it signs.`,
    );

const trustWarnings = (placings: readonly Placing[], { trust, unasked }: RotateFacts): string[] => {
  const remotes = new Set(placings.map(({ issue }) => issue.cluster));
  return [
    ...trust
      .filter(({ remote, problem }) => remotes.has(remote) && problem !== null)
      .map(
        ({ remote, cluster, node, problem }) =>
          `Node ${node} of cluster ${cluster} is not asked whether it trusts the new certificates of ${remote}: ${problem}`,
      ),
    ...(remotes.size > 0 ? unasked : []),
  ];
};

/** Certificates that end soon because their CA does: new ones would end with it too. */
const isFutile = ({ record, ca, cluster }: Rotation): boolean =>
  ca !== undefined && ca.facts.notAfter <= record.facts.notAfter && !isBehind(record, cluster);

const futileWarnings = (futile: readonly Rotation[]): string[] =>
  [...Map.groupBy(futile, ({ record }) => record.ca)].map(
    ([ca, all]) =>
      `The certificates of ${all.map(({ record }) => record.node).join(', ')} end with their CA ${ca} at ${all[0]?.ca?.facts.notAfter}, and new ones would too: they are left as they are.`,
  );

const rotationOf = (record: CertificateRecord, facts: RotateFacts): Rotation => {
  const cluster = facts.clusters.find(({ name }) => name === record.cluster);
  const node = cluster?.nodes.find(({ name }) => name === record.node);
  const ca = facts.cas.find(({ name }) => name === record.ca);
  return { record, cluster, node, ca, unseen: facts.unseen.get(record.cluster) };
};

/** What could not be looked at, and is not due by what is on record: something may be due there all the same. */
const unseenWarnings = (due: readonly Rotation[], { unseen }: RotateFacts): string[] =>
  [...unseen].filter(([name]) => !due.some(({ record }) => record.cluster === name)).map(([, problem]) => problem);

/** Who is asked depends on who answered a moment ago: a plan does not become another one by it. */
const withoutTrust = (key: string, value: unknown): unknown =>
  key === 'trustedBy' ? undefined : withoutBaseline(key, value);

/** Plans the replacement of certificates under their names and passwords: Elasticsearch reads them by itself, no node restarts. Throws all that forbids it. */
export const planRotation = (request: RotateRequest, facts: RotateFacts, context: PlanContext): StoredPlan => {
  const meant = meantCertificates(request, facts.certificates);
  const due = dueCertificates(request, meant, facts.clusters, context.now).map((record) => rotationOf(record, facts));
  const futile = (request.expiring ?? request.due) ? due.filter(isFutile) : [];
  const rotations = due.filter((one) => !futile.includes(one));
  refuseRotation(rotations, context.now);
  const placings = placingsOf(rotations, facts, request);
  const unordered = placings.flatMap((one, index) => [
    issueStep(one),
    ...placeStep(one),
    verifyStep(one, trustedBy(one, index, facts)),
  ]);
  const order = new Map(stages.map(({ id }, index) => [id, index]));
  const steps = unordered.sort((a, b) => (order.get(a.stage) ?? 0) - (order.get(b.stage) ?? 0));
  const clusters = [...new Set(rotations.map(({ record }) => record.cluster))];
  const count = rotations.length;
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutTrust)),
    workflow: 'rotate-certificates',
    wanted: request,
    title: `Replace ${count === 1 ? 'a certificate' : `${count} certificates`}${count === 0 ? '' : ` of ${clusters.join(', ')}`}`,
    createdAt: context.now,
    clusters,
    stages: stages.filter(({ id }) => steps.some(({ stage }) => stage === id)),
    steps,
    restarts: [],
    outages: [],
    warnings: [
      ...futileWarnings(futile),
      ...unseenWarnings(due, facts),
      ...trustWarnings(placings, facts),
      ...shortenedWarnings(placings, facts, context.now),
    ],
  };
};
