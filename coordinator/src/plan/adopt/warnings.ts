import { isLiving } from '../keys/cluster-key.ts';
import type { Adoption } from './adoption.ts';

const keptKey = ({ before, request, remote }: Adoption, now: string): string[] => {
  if (!before || !isLiving(before, Date.parse(now))) return [];
  return request.revokeOld
    ? [
        `API key ${before.name} (${before.id}, made by ${before.owner}) of cluster ${remote.name} is invalidated, which nobody can take back: whoever else uses it, by a connection that Remora does not manage, gets in no more.`,
      ]
    : [
        `API key ${before.name} (${before.id}, made by ${before.owner}) of cluster ${remote.name} stays valid, since others may use it: whoever has it gets in. --revoke-old invalidates it.`,
      ];
};

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

/** Of one that is managed already nothing is refused because of it. */
const unseenServers = ({ standing, facts }: Adoption): string[] =>
  standing?.adopted === undefined
    ? []
    : facts.servers.flatMap(({ address, ca, problem }) =>
        ca === null
          ? [`Whether the CA on record (${standing.ca}) is still that of ${address} is not known: ${problem}`]
          : [],
      );

/** What people should know before they say yes. */
export const adoptionWarnings = (adoption: Adoption, now: string): string[] => [
  ...keptKey(adoption, now),
  ...keptByHand(adoption),
  ...unseenServers(adoption),
];
