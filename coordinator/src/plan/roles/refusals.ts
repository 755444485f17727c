import { RemoraError } from '@remora/shared/errors.ts';
import type { RoleMark } from '@remora/shared/model/keys/role-mark.ts';
import type { RoleApplyRequest, RoleRemoveRequest } from '@remora/shared/model/requests/role-request.ts';
import type { RoleFacts, RoleRemovalFacts, RoleSide, UserWanted } from './facts.ts';
import { lacksPrivileges } from './privileges.ts';
import { isReserved } from './role-definition.ts';
import { markOfRole } from './wanted.ts';

const conflict = (message: string, hint: string): RemoraError => new RemoraError('conflict', message, { hint });

export const sidesOf = ({ local, remote }: Pick<RoleFacts, 'local' | 'remote'>): readonly RoleSide[] =>
  remote ? [remote, local] : [local];

const refuseRights = ({ cluster, missingPrivileges }: RoleSide): void => {
  const lacks = lacksPrivileges(cluster, missingPrivileges);
  if (lacks !== null) throw new RemoraError('preflight-failed', lacks);
};

const refuseOtherConnection = (
  { cluster }: RoleSide,
  { local, alias, name }: RoleRemoveRequest,
  mark: RoleMark,
): void => {
  if (mark.local !== local || mark.alias !== alias)
    throw conflict(
      `Role ${name} of cluster ${cluster} was made for the connection ${mark.local}/${mark.alias}, not for ${local}/${alias}.`,
      'Choose another name with --name: a role is for one connection.',
    );
};

const refuseTaken = (side: RoleSide, request: RoleApplyRequest): void => {
  const { cluster, role, ownRoles } = side;
  if (role === null) return;
  if (ownRoles.includes(request.name))
    throw conflict(
      `Role ${request.name} of cluster ${cluster} is one of Remora's own user: with other rights that could do nothing there any more.`,
      'Choose another name with --name.',
    );
  if (isReserved(role))
    throw conflict(
      `Role ${request.name} of cluster ${cluster} is one that Elasticsearch brings, which nobody may change.`,
      'Choose another name with --name.',
    );
  const mark = markOfRole(role);
  if (mark !== null) refuseOtherConnection(side, request, mark);
  else if (!request.adopt)
    throw conflict(
      `Cluster ${cluster} has a role ${request.name} already, which Remora did not make.`,
      'Choose another name with --name, or give --adopt: it then grants what is asked for here, and --diff shows what it loses.',
    );
};

const refuseRemoteCluster = ({ remoteCluster = [] }: RoleApplyRequest, facts: RoleFacts): void => {
  const { connection, local, remoteClusterPrivileges: known } = facts;
  if (remoteCluster.length > 0 && connection.model === 'certificate')
    throw new RemoraError(
      'bad-input',
      `--remote-cluster is for connections by API key, and ${connection.local}/${connection.alias} is one by certificates: there the role of cluster ${connection.remote} says it.`,
    );
  const unknown = remoteCluster.filter((privilege) => !known.includes(privilege));
  if (unknown.length === 0) return;
  throw new RemoraError(
    'bad-input',
    `--remote-cluster ${unknown.join(',')}: cluster ${local.cluster} (${local.version}) ${known.length === 0 ? 'knows no such privileges, which came with 8.15' : `knows ${known.join(', ')}`}.`,
  );
};

/** Throws what speaks against giving a role to a user, or making the user with a password. */
export const refuseUser = (user: NonNullable<RoleApplyRequest['user']>, seen: UserWanted, local: string): void => {
  const who = `user ${user.name} of cluster ${local}`;
  if (seen.body && isReserved(seen.body))
    throw conflict(`The ${who} is one that Elasticsearch brings.`, 'Give the role to another user.');
  if (seen.body === null && user.password === undefined)
    throw new RemoraError('bad-input', `There is no ${who}.`, {
      hint: 'Add --password-file FILE, and the user is made. Users of other realms get a role by a role mapping.',
    });
  if (seen.body === null && seen.password === 'short')
    throw new RemoraError(
      'bad-input',
      `The password for ${who} is too short: Elasticsearch takes 6 characters or more.`,
    );
  if (seen.body !== null && !['none', 'fits', 'unkept'].includes(seen.password))
    throw conflict(
      `There is a ${who} already, who does not log in with the password that was given.`,
      'Leave out --password-file: the user gets the role and keeps the password.',
    );
};

/** Throws what forbids to make the role. */
export const refuseRole = (request: RoleApplyRequest, facts: RoleFacts): void => {
  for (const side of sidesOf(facts)) {
    refuseRights(side);
    refuseTaken(side, request);
  }
  refuseRemoteCluster(request, facts);
  if (request.user && facts.user) refuseUser(request.user, facts.user, facts.connection.local);
};

/** Users to whom Remora gave the role. */
export const givenUsers = (facts: RoleRemovalFacts): readonly string[] =>
  sidesOf(facts).flatMap(({ role }) => markOfRole(role)?.users ?? []);

/** Throws what forbids to remove the role: that others made it, or use it. */
export const refuseRemoval = (request: RoleRemoveRequest, facts: RoleRemovalFacts): void => {
  const { name, local } = request;
  for (const side of sidesOf(facts)) refuseRights(side);
  const own = sidesOf(facts).filter(({ role }) => role !== null);
  if (own.length === 0)
    throw new RemoraError('not-found', `Cluster ${local} has no role ${name}.`, { hint: 'See `remora roles list`.' });
  for (const side of own) {
    const mark = markOfRole(side.role);
    if (mark === null)
      throw conflict(
        `Role ${name} of cluster ${side.cluster} was not made by Remora: it stays as it is.`,
        'Remove it by hand, if nobody needs it.',
      );
    refuseOtherConnection(side, request, mark);
  }
  if (markOfRole(facts.local.role)?.adopted === true) return;
  const given = givenUsers(facts);
  const others = [
    ...facts.users.filter((user) => !given.includes(user.name)).map((user) => `user ${user.name}`),
    ...facts.mappings.map((mapping) => `role mapping ${mapping}`),
  ];
  if (others.length > 0)
    throw conflict(
      `Role ${name} of cluster ${local} is used by what Remora did not give it to: ${others.join(', ')}.`,
      'Take it away there first.',
    );
};
