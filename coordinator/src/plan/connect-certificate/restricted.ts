import type { NodeObservation } from '../facts.ts';
import type { Finding } from '../node/agent-findings.ts';
import { otherFields, RESTRICTIONS, restrictionsPath, standingPatterns } from '../trust/restrictions.ts';
import { letsIn, ownPattern } from '../trust/trusted-names.ts';
import type { TransportFacts } from './facts.ts';

/** How a node with these names gets in. */
const mendOf = ([name]: readonly string[], cluster: string, other: string): string =>
  name === undefined
    ? `place certificates with such names there first: \`remora certs place --cluster ${other} --purpose transport --ca NAME --cloud-cluster ID --cloud-scope ID\``
    : `let it in first, with --allow '${ownPattern(name)}' beside all that \`remora trust-restrictions set ${cluster}\` was given`;

/** Why a node whose trust is restricted by names would not let in nodes of the other cluster, whatever their CA. A port that was not seen is a finding of its own. */
export const restrictedFindings = (
  node: NodeObservation,
  { cluster }: Pick<TransportFacts, 'cluster'>,
  other: Pick<TransportFacts, 'cluster' | 'ports'>,
): Finding[] => {
  const path = restrictionsPath(node);
  if (path === undefined) return [];
  const what = `node ${node.name} (cluster ${cluster.name}) trusts by ${RESTRICTIONS} (${path})`;
  const patterns = otherFields(node).length > 0 ? null : standingPatterns(node, path);
  if (patterns === null)
    return [
      [
        'conflict',
        `${what}, and whom that lets in is not known: have \`remora trust-restrictions set ${cluster.name}\` put a file of its own in its place first.`,
      ],
    ];
  return [...other.ports]
    .filter(([, { otherNames }]) => otherNames !== undefined && !letsIn(patterns, otherNames))
    .slice(0, 1)
    .map(([name, { otherNames = [] }]) => [
      'conflict',
      `${what}, which lets in ${patterns.join(', ')}, and node ${name} (cluster ${other.cluster.name}) has ${otherNames.join(', ') || 'no name of the kind otherName'}: ${mendOf(otherNames, cluster.name, other.cluster.name)}.`,
    ]);
};
