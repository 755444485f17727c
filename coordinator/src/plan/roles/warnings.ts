import type { RoleApplyRequest } from '@remora/shared/model/requests/role-request.ts';
import type { RoleFacts } from './facts.ts';
import { beyondKey } from './key-coverage.ts';
import type { RoleBody } from './role-definition.ts';

const keyWarnings = ({ connection, key }: RoleFacts, name: string, role: RoleBody): string[] => {
  if (key === undefined) return [];
  if (typeof key === 'string') return [`Whether the key of the connection covers role ${name} cannot be told: ${key}`];
  const { local, alias, remote } = connection;
  return beyondKey(role, alias, key).map(
    (finding) =>
      `Role ${name}: ${finding}. No role gives more than the key: \`remora connect ${local} ${remote} --alias ${alias}\` with what it shall grant changes it.`,
  );
};

/** Patterns that people may take to cover system indices. */
const restrictedWarnings = ({ restricted, search = [], replication = [] }: RoleApplyRequest): string[] => {
  const dotted = restricted ? [] : [...search, ...replication].filter((one) => one.startsWith('.') || one === '*');
  return dotted.length === 0
    ? []
    : [`${[...new Set(dotted)].join(', ')}: system indices are not among them without --restricted.`];
};

/** What Elastic's page says of connections by certificates, where a role of the same name decides on the other side. */
const certificateWarnings = (
  facts: RoleFacts,
  { localRead, search = [], replication = [] }: RoleApplyRequest,
): string[] => {
  const { model, local, remote, alias } = facts.connection;
  if (model !== 'certificate') return [];
  const needs = [...(search.length > 0 ? ['search'] : []), ...(replication.length > 0 ? ['replication'] : [])];
  return [
    `Requests of ${needs.join(' and ')} over ${alias} that log in by an API key are judged by what that key may do in cluster ${local}, not by the role on ${remote}.`,
    `Who sends requests on behalf of others needs run_as on cluster ${remote} too, which this role does not grant.`,
    ...(localRead && !facts.isItself
      ? [
          `Where cluster ${local} is a remote cluster of itself, the role needs read_cross_cluster on ${localRead.join(', ')} there too.`,
        ]
      : []),
  ];
};

/** What the role does not give although it may look so. */
export const roleWarnings = (request: RoleApplyRequest, facts: RoleFacts, role: RoleBody): readonly string[] => [
  ...keyWarnings(facts, request.name, role),
  ...restrictedWarnings(request),
  ...certificateWarnings(facts, request),
];
