import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import type { Finding } from '../node/agent-findings.ts';
import { authoritiesOf } from './authority.ts';
import type { AdoptionFacts } from './facts.ts';
import { standingOf } from './found-key.ts';

/** `--ca` that would come to nothing. */
const nameFindings = (request: AdoptRequest, facts: AdoptionFacts): Finding[] => {
  const { ca: wanted } = request;
  if (wanted === undefined || !facts.remote) return [];
  const standing = standingOf(facts, request);
  const found = authoritiesOf(request, facts).map(({ name }) => name);
  const names = found.length > 0 || !standing ? found : [standing.ca];
  if (names.includes(wanted)) return [];
  return [
    [
      'bad-input',
      facts.cas.some(({ name }) => name === wanted)
        ? `The certificates of cluster ${facts.remote.name} do not lead to CA ${wanted}, but to ${names.join(', ')}: leave out --ca.`
        : `The CA of the certificates of cluster ${facts.remote.name} is called ${names.join(', ')}, and not ${wanted}: leave out --ca.`,
    ],
  ];
};

/** What is served has to lead to CAs that are known, and `--ca` to one of these. Of one that is managed already what is on record does, where nothing is seen. */
export const authorityFindings = (request: AdoptRequest, facts: AdoptionFacts): Finding[] => {
  if (!facts.remote) return [];
  const isStanding = standingOf(facts, request) !== undefined;
  const unknown = isStanding ? [] : facts.servers.filter(({ ca }) => ca === null);
  if (facts.servers.length === 0 && !isStanding)
    return [
      ['preflight-failed', `Nothing is known of what cluster ${facts.remote.name} serves: no address was found.`],
    ];
  return unknown.length > 0
    ? unknown.map(({ address, problem }): Finding => ['preflight-failed', `At ${address}: ${problem}`])
    : nameFindings(request, facts);
};
