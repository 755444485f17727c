import type { CaRotateRequest } from '@remora/shared/model/ca-rotate-request.ts';
import { type Finding, throwFindings } from '../agent-findings.ts';
import {
  choiceFindings,
  type GivenChoice,
  givenCertificate,
  missingFinding,
  type ServerUse,
  serverMisfit,
} from '../given.ts';
import { publishedParts } from '../published-address.ts';
import type { NewCertificates, Reissue } from '../reissue.ts';
import type { CaRotationFacts } from './facts.ts';
import { ways } from './proofs.ts';

const useOf = (remote: string, { connections, clusters }: CaRotationFacts): ServerUse => {
  const all = ways(
    connections.filter((one) => one.remote === remote),
    clusters,
  );
  return { isDirect: all.some(({ proxy }) => proxy === null), proxies: all.flatMap(({ proxy }) => proxy ?? []) };
};

const findingsOf = ({ node, record }: Reissue, choice: GivenChoice, facts: CaRotationFacts, now: string): Finding[] => {
  if (node === undefined) return [];
  const found = givenCertificate(node, choice, facts);
  if (!found) return [missingFinding(node, { ...choice, cluster: record.cluster })];
  const published = publishedParts(node.remoteClusterServer?.publishAddress ?? '').names.filter((name) => name !== '');
  const why = serverMisfit(found.signed.facts, published, useOf(record.cluster, facts), now);
  return why === null
    ? []
    : [['bad-input', `The certificate for node ${node.name} (cluster ${record.cluster}) is not placed: ${why}.`]];
};

/** Certificates are told apart by the names of their nodes alone. */
const namesakes = (due: readonly Reissue[]): Finding[] => {
  const twice = due.find(({ record }, index) => due.findIndex((one) => one.record.node === record.node) !== index);
  return twice === undefined
    ? []
    : [
        [
          'conflict',
          `The CA serves several nodes called ${twice.record.node}, in different clusters: certificates that were made elsewhere cannot be told apart for them.`,
        ],
      ];
};

/** The certificates that the new CA signed elsewhere; nothing where it signs here. Throws all that forbids to place them. */
export const givenFor = (
  { to, given }: CaRotateRequest,
  due: readonly Reissue[],
  facts: CaRotationFacts,
  now: string,
): Pick<NewCertificates, 'given'> => {
  if (given === undefined || to === undefined || due.length === 0) return {};
  const clusters = [...new Set(due.map(({ record }) => record.cluster))].join(', ');
  const choice: GivenChoice = { cluster: clusters, purpose: 'remote_cluster_server', ca: to, ids: given };
  const nodes = facts.clusters.flatMap((cluster) => (clusters.includes(cluster.name) ? cluster.nodes : []));
  throwFindings([
    ...namesakes(due),
    ...choiceFindings(nodes, choice, facts),
    ...due.flatMap((one) => findingsOf(one, choice, facts, now)),
  ]);
  return { given: ({ node }) => givenCertificate({ name: node }, choice, facts) };
};
