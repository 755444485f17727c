import type { CertificateIssue } from '../certificates/certificate-issue.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { fileSetting, itemsOf } from '../node/nodes.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { AnyStep } from '../steps.ts';
import type { TrustObservation } from './trust.ts';
import type { TrustingNode } from './trusting-node.ts';

/** PEM files of CAs that the node's elasticsearch.yml names for its transport port. */
export const transportAuthorities = (node: NodeObservation): string[] =>
  itemsOf(fileSetting(node, `${sslPrefix.transport}.certificate_authorities`));

/**
 * Nodes of the same cluster that have to trust what a node serves on its transport port: all of them try the first, and one each of the others. `authorities` tells
 * the CA files of a node; one that trusts by a truststore alone has none, and is not asked.
 */
export const trustingPeers = (
  { nodes, name: cluster }: ClusterObservation,
  node: string,
  {
    index,
    authorities = transportAuthorities,
  }: {
    readonly index: number;
    readonly authorities?: (node: NodeObservation) => readonly string[];
  },
): TrustingNode[] => {
  const peers = nodes.flatMap((other) => {
    const certificateAuthorities = authorities(other);
    const isAsked = other.name !== node && other.agent.state === 'online' && certificateAuthorities.length > 0;
    return isAsked ? [{ cluster, node: other.name, certificateAuthorities }] : [];
  });
  return index === 0 ? peers : peers.filter((_, at) => at === index % peers.length);
};

/**
 * Nodes of other clusters that connect to what a node serves, and trusted what it served before: all of them try the first, whose CA and names are those of the others;
 * of these each is tried by one, so that a large fleet is not a large number of handshakes.
 */
export const trustingClients = (
  remote: string,
  trust: readonly TrustObservation[],
  { index, isFirst }: { readonly index: number; readonly isFirst: boolean },
): TrustingNode[] => {
  const trusting = trust
    .filter((one) => one.remote === remote && one.problem === null)
    .map(({ cluster, node, certificateAuthorities }) => ({ cluster, node, certificateAuthorities }));
  return isFirst ? trusting : trusting.filter((_, at) => at === index % trusting.length);
};

/** In words, of nodes that connect to a cluster and are not asked for their trust. */
export const unaskedWarnings = (trust: readonly TrustObservation[]): string[] =>
  trust
    .filter(({ problem }) => problem !== null)
    .map(
      ({ node, cluster, remote, problem }) =>
        `Node ${node} of cluster ${cluster} is not asked whether it trusts the new certificates of ${remote}: ${problem}`,
    );

/** Proves what the remote cluster server of a node serves. */
export const serverProof = (
  id: string,
  issue: CertificateIssue,
  stage: string,
  trustedBy: readonly TrustingNode[],
): AnyStep => ({
  ...{ id, kind: 'remote-server.verify', target: issue.node, effect: 'none', stage, diff: '' },
  reason: 'the port must serve the new certificate, and every node that connects must trust it',
  input: { ...issue, planned: null, trustedBy },
});

const reasons = {
  transport: 'the port must serve this certificate, other nodes must trust it, and the node must be in its cluster',
  http: 'the port must serve this certificate, and the agent and the coordinator must trust it',
} as const;

/** Proves what the transport or HTTP port of a node serves. */
export const proofStep = (
  issue: CertificateIssue & { readonly purpose: keyof typeof reasons },
  stage: string,
  trustedBy: readonly TrustingNode[],
): AnyStep => ({
  ...{ id: `verify-${issue.purpose}-${issue.cluster}.${issue.node}`, kind: 'certificate.verify', target: issue.node },
  ...{ effect: 'none', diff: '', stage, reason: reasons[issue.purpose] },
  input: { ...issue, trustedBy },
});
