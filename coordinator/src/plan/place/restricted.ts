import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import type { NodeObservation } from '../facts.ts';
import type { Finding } from '../node/agent-findings.ts';
import { otherNamesOf } from '../trust/other-names.ts';
import { otherFields, RESTRICTIONS, restrictionsPath, standingPatterns } from '../trust/restrictions.ts';
import { letsIn } from '../trust/trusted-names.ts';
import type { PlaceFacts } from './facts.ts';
import { givenFor } from './given.ts';
import { otherNamesWished } from './names.ts';

/** The names (`otherName`) of what a node will serve. */
const namesAfter = (node: NodeObservation, request: PlaceRequest, facts: PlaceFacts): readonly string[] => {
  const given = givenFor(node, request, facts);
  return given ? otherNamesOf(given.signed.facts) : otherNamesWished(node, request, facts);
};

/** Why a node whose trust is restricted by names would not let in what is placed on others: it would be out of its cluster with the first. */
export const restrictionFindings = (
  node: NodeObservation,
  where: string,
  request: PlaceRequest,
  facts: PlaceFacts,
): Finding[] => {
  const path = restrictionsPath(node);
  if (path === undefined) return [];
  const patterns = otherFields(node).length > 0 ? null : standingPatterns(node, path);
  const what = `${where} trusts by ${RESTRICTIONS} (${path})`;
  if (patterns === null)
    return [
      [
        'conflict',
        `${what}, and whom that lets in is not known: the new certificates may be refused by it. Have \`remora trust-restrictions set\` put a file of its own in its place first, or take the setting out.`,
      ],
    ];
  const placed = facts.cluster.nodes.filter(({ name }) => request.node === undefined || request.node === name);
  return placed
    .filter((one) => !letsIn(patterns, namesAfter(one, request, facts)))
    .slice(0, 1)
    .map((one) => [
      'conflict',
      `${what}, which lets in ${patterns.join(', ')}, and the certificate for ${one.name} would have no such name (${namesAfter(one, request, facts).join(', ') || 'none at all'}): give --cloud-cluster and --cloud-scope that fit, or let the new names in first with \`remora trust-restrictions set\`.`,
    ]);
};
