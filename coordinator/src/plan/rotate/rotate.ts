import { isIpv4, isIpv6 } from '@remora/shared/model/address.ts';
import { fileNameOf } from '@remora/shared/model/names.ts';
import type { RotateRequest } from '@remora/shared/model/rotate-request.ts';
import { certificateDiff } from '../certificate-diff.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { changeOf } from '../node-change.ts';
import { nodeStep } from '../node-step.ts';
import { connectingNodes, fileSetting } from '../nodes.ts';
import type { CertificateRecord } from '../records.ts';
import { serverSecrets } from '../secret-names.ts';
import type { AnyStep, CertificateIssue, Stage, StoredPlan, TrustingNode } from '../steps.ts';
import { chosenCertificates } from './chosen.ts';
import type { RotateFacts } from './facts.ts';
import { type Rotation, refuseRotation } from './refusals.ts';

const DAY_MS = 86_400_000;
const CLIENT_AUTHORITIES = 'xpack.security.remote_cluster_client.ssl.certificate_authorities';

/** One node of each cluster goes first, whole: what is wrong with the new certificates shows there, and the others keep theirs. */
const stages: readonly Stage[] = [
  { id: 'issue', title: 'Issue certificates', mode: 'parallel' },
  { id: 'first', title: 'Place and prove the first', mode: 'serial' },
  { id: 'files', title: 'Place the others', mode: 'parallel' },
  { id: 'verify', title: 'Prove that they are served and trusted', mode: 'parallel' },
];

const daysOf = ({ facts }: CertificateRecord): number =>
  Math.max(1, Math.round((Date.parse(facts.notAfter) - Date.parse(facts.notBefore)) / DAY_MS));

const isIp = (name: string): boolean => isIpv4(name) || isIpv6(name);

/** The same names, password and place; another key, dates and serial. */
const issueOf = (record: CertificateRecord, facts: RotateFacts, request: RotateRequest): CertificateIssue => {
  const { cluster, node, purpose, ca, path, names, passwordSecret } = record;
  const { p12 } = serverSecrets(cluster, node);
  return {
    ...{ cluster, node, purpose, ca, path, passwordSecret },
    commonName: fileNameOf(node).slice(0, 64),
    dns: names.filter((name) => !isIp(name)),
    ip: names.filter(isIp),
    required: [...names],
    validityDays: request.validityDays ?? daysOf(record),
    p12Secret: `secret:${p12}@${(facts.secretVersions[p12] ?? 0) + 1}`,
  };
};

const authoritiesOf = (node: NodeObservation): string[] => {
  const value = fileSetting(node, CLIENT_AUTHORITIES);
  const paths = Array.isArray(value) ? value.map(String) : String(value ?? '').split(',');
  return paths.map((path) => path.trim()).filter((path) => path !== '');
};

/** The nodes of local clusters that connect to this one by themselves; those that go through a proxy do not reach its nodes. */
const connectingTo = (remote: string, facts: RotateFacts): readonly { cluster: string; node: NodeObservation }[] => {
  const locals = new Set(
    facts.connections.filter((one) => one.remote === remote && one.mode === 'sniff').map(({ local }) => local),
  );
  return facts.clusters
    .filter(({ name }) => locals.has(name))
    .flatMap((cluster) => connectingNodes(cluster).map((node) => ({ cluster: cluster.name, node })));
};

const trustingNodes = (remote: string, facts: RotateFacts): TrustingNode[] =>
  connectingTo(remote, facts)
    .filter(({ node }) => node.agent.state === 'online')
    .map(({ cluster, node }) => ({ cluster, node: node.name, certificateAuthorities: authoritiesOf(node) }));

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
    files: [
      {
        path: issue.path,
        content: { $secret: issue.p12Secret },
        source: issue.p12Secret,
        digest: null,
        mode: 0o640,
        what: `PKCS#12 with the certificate of ${issue.node} (${issue.p12Secret})`,
      },
    ],
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

const warningsOf = (placings: readonly Placing[], facts: RotateFacts, now: string): string[] => {
  const remotes = [...new Set(placings.map(({ issue }) => issue.cluster))];
  const away = remotes
    .flatMap((remote) => connectingTo(remote, facts))
    .filter(({ node }) => node.agent.state !== 'online')
    .map(({ cluster, node }) => `${node.name} (cluster ${cluster})`);
  const shortened = facts.cas.filter(({ name, facts: { notAfter } }) =>
    placings.some(
      ({ issue }) => issue.ca === name && Date.parse(now) + issue.validityDays * DAY_MS > Date.parse(notAfter),
    ),
  );
  return [
    ...(away.length === 0
      ? []
      : [`Whether ${[...new Set(away)].join(', ')} trust the new certificates is not tried: their agents are away.`]),
    ...shortened.map(
      ({ name, facts: { notAfter } }) => `CA ${name} ends at ${notAfter}, and so do the certificates that it signs.`,
    ),
  ];
};

/** Plans the replacement of certificates under their names and passwords: Elasticsearch reads them by itself, no node restarts. Throws all that forbids it. */
export const planRotation = (request: RotateRequest, facts: RotateFacts, context: PlanContext): StoredPlan => {
  const rotations = chosenCertificates(request, facts.certificates, context.now).map((record): Rotation => {
    const cluster = facts.clusters.find(({ name }) => name === record.cluster);
    const node = cluster?.nodes.find(({ name }) => name === record.node);
    return { record, cluster, node, ca: facts.cas.find(({ name }) => name === record.ca) };
  });
  refuseRotation(rotations, context.now);
  const placings = placingsOf(rotations, facts, request);
  const unordered = placings.flatMap((one) => [
    issueStep(one),
    ...placeStep(one),
    verifyStep(one, trustingNodes(one.cluster.name, facts)),
  ]);
  const order = new Map(stages.map(({ id }, index) => [id, index]));
  const steps = unordered.sort((a, b) => (order.get(a.stage) ?? 0) - (order.get(b.stage) ?? 0));
  const clusters = [...new Set(rotations.map(({ record }) => record.cluster))];
  const count = rotations.length;
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutBaseline)),
    workflow: 'rotate-certificates',
    wanted: request,
    title: `Replace ${count === 1 ? 'a certificate' : `${count} certificates`}${count === 0 ? '' : ` of ${clusters.join(', ')}`}`,
    createdAt: context.now,
    clusters,
    stages: stages.filter(({ id }) => steps.some(({ stage }) => stage === id)),
    steps,
    restarts: [],
    outages: [],
    warnings: warningsOf(placings, facts, context.now),
  };
};
