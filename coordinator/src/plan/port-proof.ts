import type { ClusterObservation, NodeObservation } from './facts.ts';
import { fileSetting, itemsOf } from './nodes.ts';
import { sslPrefix } from './ssl.ts';
import type { AnyStep, CertificateIssue, TrustingNode } from './steps.ts';

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
