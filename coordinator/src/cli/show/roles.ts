import type { RoleCheck, RoleView } from '@remora/shared/model/keys/role-view.ts';
import { table } from './table.ts';
import { wrap } from './text.ts';

const driftLines = ({ cluster, name, drift }: RoleView): string[] =>
  drift.length === 0 ? [] : [`${cluster} ${name} is not as Remora made it:`, ...drift.map((one) => wrap(one, '  '))];

/** Roles as a table, and below it what became different of those that Remora made. */
export const rolesTable = (roles: readonly RoleView[]): string =>
  [
    table(
      roles,
      [
        ['CLUSTER', ({ cluster }) => cluster],
        ['ROLE', ({ name }) => name],
        ['CONNECTION', ({ connection }) => connection ?? ''],
        ['MADE BY REMORA', ({ managed, drift }) => (managed ? (drift.length > 0 ? 'changed since' : 'yes') : 'no')],
        ['USERS', ({ users }) => users.join(' ')],
        ['GRANTS', ({ grants }) => grants.join('; ')],
      ],
      'No role of any cluster has to do with connections: see `remora roles apply --help`.',
    ),
    ...roles.flatMap(driftLines),
  ].join('\n');

/** Each role, with what users do not get of what it grants. */
export const checksText = (checks: readonly RoleCheck[]): string =>
  checks.length === 0
    ? 'No role grants anything over this connection.'
    : checks
        .flatMap(({ cluster, name, ok, findings }) => [
          `${cluster} ${name}: ${ok ? 'ok' : 'NOT covered'}`,
          ...findings.map((finding) => wrap(finding, '  ')),
        ])
        .join('\n');
