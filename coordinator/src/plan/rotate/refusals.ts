import { type Finding, throwFindings } from '../agent-findings.ts';
import type { Reissue } from '../reissue.ts';
import { reissueFindings } from '../reissue-refusals.ts';

const caFinding = ({ record, ca }: Reissue, now: string): Finding[] => {
  const where = `the certificate of node ${record.node} (cluster ${record.cluster})`;
  if (ca === undefined)
    return [['conflict', `CA ${record.ca}, which signed ${where}, is not known any more: import it with its key.`]];
  if (ca.key === null)
    return [
      ['conflict', `The key of CA ${ca.name} is not here, so it cannot sign ${where}: import the CA with its key.`],
    ];
  return ca.facts.notAfter <= now
    ? [['conflict', `CA ${ca.name} ended at ${ca.facts.notAfter}: a certificate of it would be of no use.`]]
    : [];
};

/** What forbids to replace a certificate. */
export const rotationFindings = (one: Reissue, now: string): Finding[] => [
  ...caFinding(one, now),
  ...reissueFindings(one),
];

/** Throws all that forbids it, the first as the message. */
export const refuseRotation = (rotations: readonly Reissue[], now: string): void => {
  throwFindings(rotations.flatMap((one) => rotationFindings(one, now)));
};
