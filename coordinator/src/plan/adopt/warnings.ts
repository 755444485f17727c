import { isLiving } from '../cluster-key.ts';
import type { Adoption } from './adoption.ts';

const keptKey = ({ before, request, remote }: Adoption, now: string): string[] =>
  !before || request.revokeOld || !isLiving(before, Date.parse(now))
    ? []
    : [
        `API key ${before.name} (${before.id}, made by ${before.owner}) of cluster ${remote.name} stays valid, since others may use it: whoever has it gets in. --revoke-old invalidates it.`,
      ];

const keptByHand = ({ standing, replacement: { connection } }: Adoption): string[] => {
  const { adopted, local, remote } = connection;
  if (standing || !adopted) return [];
  return [
    ...(adopted.server
      ? [
          `The certificates that nodes of ${remote} serve to remote clusters were placed by people and stay: Remora does not renew them. \`remora certs list\` shows when they end.`,
        ]
      : []),
    ...(adopted.trust
      ? [
          `What nodes of ${local} trust remote clusters by was written by people and stays: a node that joins later needs the same.`,
        ]
      : []),
  ];
};

/** What people should know before they say yes. */
export const adoptionWarnings = (adoption: Adoption, now: string): string[] => [
  ...keptKey(adoption, now),
  ...keptByHand(adoption),
];
