import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import type { Reissue } from '../certificates/reissue.ts';
import { reissueFindings } from '../certificates/reissue-refusals.ts';
import { type Finding, throwFindings } from '../node/agent-findings.ts';
import { newPasswordFindings } from './new-passwords.ts';

const caFinding = ({ record, ca }: Reissue, now: string): Finding[] => {
  const where = `the certificate of node ${record.node} (cluster ${record.cluster})`;
  if (ca === undefined)
    return [['conflict', `CA ${record.ca}, which signed ${where}, is not known any more: import it with its key.`]];
  if (ca.key === null)
    return [
      [
        'conflict',
        `The key of CA ${ca.name} is not here, so it cannot sign ${where}: import the CA with its key, or place a certificate that it signed with \`remora certs place --files\`.`,
      ],
    ];
  return ca.facts.notAfter <= now
    ? [
        [
          'conflict',
          `CA ${ca.name} ended at ${ca.facts.notAfter}: a certificate of it would be of no use. \`remora ca rotate ${ca.name}\` has another take its place.`,
        ],
      ]
    : [];
};

/** What forbids to replace a certificate. */
export const rotationFindings = (one: Reissue, request: Pick<RotateRequest, 'newPassword'>, now: string): Finding[] => [
  ...caFinding(one, now),
  ...reissueFindings(one, request),
];

/** Throws all that forbids it, the first as the message. */
export const refuseRotation = (
  rotations: readonly Reissue[],
  request: RotateRequest,
  now: string,
  more: readonly Finding[],
): void => {
  throwFindings([
    ...(request.newPassword ? newPasswordFindings(rotations) : []),
    ...rotations.flatMap((one) => rotationFindings(one, request, now)),
    ...more,
  ]);
};
