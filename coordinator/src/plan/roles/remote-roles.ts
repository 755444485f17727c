import type { AnyStep } from '../steps.ts';
import { roleOut } from './remove.ts';
import type { RoleBody } from './role-definition.ts';

/** A role of a remote cluster that Remora made for a connection by certificate, with who else has to do with it. A connection by API key does without. */
export interface RemoteRole {
  readonly name: string;
  readonly role: RoleBody;
  /** Who has it there, or needs it to get in from elsewhere, in words. */
  readonly usedBy: readonly string[];
}

/** A remote cluster with such roles of one connection. */
export interface RemoteRoles {
  readonly cluster: string;
  readonly roles: readonly RemoteRole[];
}

const free = ({ roles }: RemoteRoles): readonly RemoteRole[] => roles.filter(({ usedBy }) => usedBy.length === 0);

/** Removes those that nobody uses; those that others had made lose the mark alone. */
export const remoteRoleSteps = (found: RemoteRoles | undefined, stage: string): AnyStep[] =>
  found === undefined
    ? []
    : free(found).flatMap(({ name, role }) => roleOut({ cluster: found.cluster, role }, name, stage));

/** What people should know of them: which are left unless they are removed, and which stay because of whom. */
export const remoteRoleWarnings = (found: RemoteRoles | undefined, removes: boolean): string[] => {
  if (found === undefined)
    return removes ? ['--remove-roles: roles of the remote cluster are not looked at here, so none is removed.'] : [];
  if (removes && found.roles.length === 0)
    return [
      `Cluster ${found.cluster} has no role that Remora made there for the connection by certificate: --remove-roles has nothing to remove.`,
    ];
  const left = removes ? [] : free(found);
  return [
    ...(left.length === 0
      ? []
      : [
          `Cluster ${found.cluster} has ${left.length > 1 ? 'roles' : 'the role'} ${left.map(({ name }) => name).join(', ')}, which Remora made there for the connection by certificate and which nobody needs any more: --remove-roles removes ${left.length > 1 ? 'them' : 'it'}.`,
        ]),
    ...found.roles
      .filter(({ usedBy }) => usedBy.length > 0)
      .map(
        ({ name, usedBy }) =>
          `Role ${name} of cluster ${found.cluster}, which Remora made there for the connection by certificate, stays: ${usedBy.join(', ')} ${usedBy.length > 1 ? 'have' : 'has'} it.`,
      ),
  ];
};
