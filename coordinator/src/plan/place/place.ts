import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { certificateDiff, givenDiff } from '../certificates/certificate-diff.ts';
import { type PlanContext, withoutTrust } from '../context.ts';
import type { NodeObservation } from '../facts.ts';
import { afterOther, changeOf, type NodeChange, type WantedNode } from '../node/node-change.ts';
import { keystorePasswordReference, type NodeStepParts, nodeStep } from '../node/node-step.ts';
import { rollOrder } from '../order.ts';
import type { CaRecord } from '../records.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import { proofStep, serverProof, trustingClients, trustingPeers } from '../trust/port-proof.ts';
import type { TrustingNode } from '../trust/trusting-node.ts';
import { type CertificatePlan, plannedCertificate, wantedCertificate } from './certificates.ts';
import type { PlaceFacts } from './facts.ts';
import { givenFor } from './given.ts';
import { peerStages, peerSteps } from './peers.ts';
import { placedNodes, refusePlacement } from './refusals.ts';
import { trustAfter, wantedTrust } from './trust.ts';
import { warningsOf } from './warnings.ts';

/**
 * Trust first and everywhere, then the certificates, one node before the others: at no moment does a node serve what others of its cluster, its agent or the
 * coordinator would not trust.
 */
const stages: readonly Stage[] = [
  ...peerStages,
  { id: 'trust-roll', title: 'Have every node trust the CA', mode: 'roll' },
  { id: 'trust-files', title: 'Place the CA', mode: 'parallel' },
  { id: 'trust-verify', title: 'Prove that it is trusted everywhere', mode: 'parallel' },
  { id: 'issue', title: 'Issue certificates', mode: 'parallel' },
  { id: 'first-roll', title: 'Place the first certificate', mode: 'roll' },
  { id: 'first-files', title: 'Place the first certificate', mode: 'serial' },
  { id: 'first-verify', title: 'Prove the first certificate', mode: 'serial' },
  { id: 'roll', title: 'Place the others', mode: 'roll' },
  { id: 'files', title: 'Place the others', mode: 'parallel' },
  { id: 'verify', title: 'Prove that they are served and trusted', mode: 'parallel' },
];

const titles = { remote_cluster_server: 'remote cluster server', transport: 'transport', http: 'HTTP' } as const;

/** Phases of the steps that change nodes; see `node.change`. */
const TRUST = 1;
const CERTIFICATE = 2;

interface Placement {
  readonly request: PlaceRequest;
  readonly facts: PlaceFacts;
  readonly context: PlanContext;
  readonly ca: CaRecord;
}

const nodeChange = (
  { facts }: Placement,
  node: NodeObservation,
  wanted: Omit<WantedNode, 'keystorePassword'> | null,
): NodeChange | null =>
  wanted === null || node.agent.state !== 'online'
    ? null
    : changeOf(node, node.agent.facts, {
        ...wanted,
        keystorePassword: keystorePasswordReference(facts, facts.cluster.name, node.name),
      });

const changeStep = (
  { facts }: Placement,
  node: NodeObservation,
  change: NodeChange,
  more: Pick<NodeStepParts, 'stages' | 'phase'>,
): AnyStep => nodeStep({ cluster: facts.cluster, node, change, effect: change.restart ? 'restart' : 'file', ...more });

/** Every node trusts the CA before any serves a certificate of it. */
const trustSteps = (placement: Placement, nodes: readonly NodeObservation[]): AnyStep[] => {
  const { request, facts, ca } = placement;
  return nodes.flatMap((node): AnyStep[] => {
    const change = nodeChange(placement, node, wantedTrust(node, ca, request, facts));
    if (change === null) return [];
    const where = { roll: 'trust-roll', files: 'trust-files' };
    const step = changeStep(placement, node, change, { stages: where, phase: TRUST });
    return [{ ...step, id: `trust-${facts.cluster.name}.${node.name}` }];
  });
};

const loadedSteps = ({ request, facts, ca }: Placement): AnyStep[] =>
  facts.cluster.nodes.map((node) => ({
    ...{ id: `verify-trust-${facts.cluster.name}.${node.name}`, kind: 'peer-trust.verify' as const, target: node.name },
    ...{ effect: 'none' as const, diff: '', stage: 'trust-verify' },
    reason: `Elasticsearch must have loaded CA ${ca.name} before any node serves a certificate of it`,
    input: {
      cluster: facts.cluster.name,
      node: node.name,
      paths: trustAfter(node, wantedTrust(node, ca, request, facts), ca).holding,
      ca: ca.facts,
    },
  }));

/** The coordinator is a client of the HTTP ports itself. */
const ownTrustSteps = ({ request, facts, ca }: Placement): AnyStep[] => {
  const { trusted } = facts;
  if (request.purpose !== 'http' || !trusted || trusted.fingerprints.includes(ca.facts.fingerprint256)) return [];
  return [
    {
      ...{ id: `trust-${request.cluster}`, kind: 'cluster.trust', target: 'coordinator', effect: 'none' },
      reason: `the coordinator must trust CA ${ca.name} when it asks the cluster over HTTPS`,
      diff: `+ CA ${ca.facts.subject}, SHA-256 ${ca.facts.fingerprint256}, for the URLs of cluster ${request.cluster}`,
      stage: 'trust-files',
      input: { cluster: request.cluster, caPem: `${trusted.pem.trim()}\n${ca.certificatePem.trim()}\n` },
    },
  ];
};

const whyIssued = ({ issue, standing }: CertificatePlan): string => {
  if (issue.given !== undefined)
    return standing ? 'another certificate was given, or in another form' : 'the certificate was given';
  return standing
    ? 'the certificate is of another CA, does not cover what is wanted, shall live for another time, or ends soon'
    : 'the port serves no certificate of Remora yet';
};

const issueStep = ({ request, facts }: Placement, node: NodeObservation, plan: CertificatePlan): AnyStep => {
  const { issue, standing } = plan;
  const given = givenFor(node, request, facts);
  return {
    ...{ id: `issue-certificate-${issue.cluster}.${issue.node}`, kind: 'certificate.issue', target: issue.node },
    ...{ effect: 'none', stage: 'issue', input: issue, reason: whyIssued(plan) },
    diff: given ? givenDiff(standing, given.signed.facts, issue) : certificateDiff(standing, issue),
  };
};

/** Proves what a port serves, to those who connect to it. */
const proofOf = (placement: Placement, { node, plan: { issue } }: NodePart, index: number): AnyStep => {
  const { request, facts } = placement;
  const { purpose, cluster } = request;
  const stage = index === 0 ? 'first-verify' : 'verify';
  if (purpose !== 'remote_cluster_server')
    return proofStep({ ...issue, purpose }, stage, peersOf(placement, node, index));
  const trusting = trustingClients(cluster, facts.trust, { index, isFirst: index === 0 });
  return serverProof(`verify-server-${cluster}.${node.name}`, issue, stage, trusting);
};

/** By the CA files that they will have by then. */
const peersOf = (
  { request, facts, ca }: Placement,
  { name }: NodeObservation,
  index: number,
): readonly TrustingNode[] =>
  request.purpose === 'http'
    ? []
    : trustingPeers(facts.cluster, name, {
        index,
        authorities: (node) => trustAfter(node, wantedTrust(node, ca, request, facts), ca).named,
      });

interface NodePart {
  readonly node: NodeObservation;
  readonly plan: CertificatePlan;
  readonly change: NodeChange | null;
}

const certificateSteps = (placement: Placement, parts: readonly NodePart[]): AnyStep[] =>
  parts.flatMap((part, index): AnyStep[] => {
    const { node, plan, change } = part;
    // Nobody's trust changes with the remote cluster port: one phase is enough.
    const phase = placement.request.purpose === 'remote_cluster_server' ? {} : { phase: CERTIFICATE };
    const where = index === 0 ? { roll: 'first-roll', files: 'first-files' } : { roll: 'roll', files: 'files' };
    return [
      ...(plan.isNew ? [issueStep(placement, node, plan)] : []),
      ...(change ? [changeStep(placement, node, change, { stages: where, ...phase })] : []),
      proofOf(placement, part, index),
    ];
  });

/** A run may have ended between the file and its proof. */
const isUnserved = ({ facts }: Placement, { name }: NodeObservation, { standing }: CertificatePlan): boolean => {
  const served = facts.ports.get(name)?.fingerprint256 ?? null;
  return served !== null && standing !== undefined && served !== standing.facts.fingerprint256;
};

const stepsOf = (placement: Placement): AnyStep[] => {
  const { request, facts, context } = placement;
  const trusting = rollOrder(request.purpose === 'transport' ? facts.cluster.nodes : placedNodes(request, facts));
  const trust = [...trustSteps(placement, trusting), ...ownTrustSteps(placement)];
  const parts = rollOrder(placedNodes(request, facts))
    .map((node): NodePart => {
      const plan = plannedCertificate(node, request, facts, context.now);
      const change = nodeChange(placement, node, wantedCertificate(node, plan.issue));
      return {
        node,
        plan,
        change: change && trust.some(({ target }) => target === node.name) ? afterOther(change) : change,
      };
    })
    .filter(({ node, plan, change }) => plan.isNew || change !== null || isUnserved(placement, node, plan));
  const isProven = request.purpose !== 'transport' || trust.length + parts.length === 0;
  return [
    ...(trust.length + parts.length === 0 ? [] : peerSteps(facts, placement.ca)),
    ...trust,
    ...(isProven ? [] : loadedSteps(placement)),
    ...certificateSteps(placement, parts),
  ];
};

/** Plans certificates of a CA for ports of a cluster's nodes. Throws all that forbids it; a plan without steps means that all serve them. */
export const planPlacement = (request: PlaceRequest, facts: PlaceFacts, context: PlanContext): StoredPlan => {
  const ca = refusePlacement(request, facts, context.now);
  const steps = inStageOrder(stages, stepsOf({ request, facts, context, ca }));
  const restarting = steps.filter(({ stage }) => stages.find(({ id }) => id === stage)?.mode === 'roll');
  const clusters = [...facts.peers.map((peer) => peer.facts.cluster), facts.cluster];
  const rolled = clusters.map((cluster) => {
    const own = restarting.filter(({ input }) => 'node' in input && input.cluster === cluster.name);
    return { cluster, restarts: [...new Set(own.map(({ target }) => target))] };
  });
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutTrust)),
    workflow: 'place-certificates',
    wanted: request,
    title: `Place ${titles[request.purpose]} certificates of CA ${request.ca} on ${request.node ?? `the nodes of ${request.cluster}`}`,
    createdAt: context.now,
    clusters: [request.cluster, ...facts.peers.map((peer) => peer.facts.cluster.name)],
    stages: usedStages(stages, steps),
    steps,
    restarts: restarting.map(({ target }) => target),
    outages: rolled.flatMap(({ cluster, restarts }) => outagesOf(cluster, restarts)),
    warnings: [
      ...warningsOf(steps, request, facts),
      ...rolled.flatMap(({ cluster, restarts }) => unreplicatedWarning(cluster, restarts)),
    ],
  };
};
