import type { RoleCheck, RoleView } from '@remora/shared/model/role-view.ts';
import { matchesPattern } from '../plan/patterns.ts';
import {
  grantLines,
  grantsBeyond,
  isRemoras,
  isReserved,
  type RoleBody,
  type UserBody,
} from '../plan/role-definition.ts';
import { beyondKey, type KeyGrants } from '../plan/roles/key-coverage.ts';
import { localRole, markOfRole, type RoleMark, remoteRole } from '../plan/roles/wanted.ts';

/** Roles and users of one cluster, as it told them. */
export interface ClusterRoles {
  readonly cluster: string;
  readonly roles: ReadonlyMap<string, RoleBody>;
  readonly users: ReadonlyMap<string, UserBody>;
}

const isRemote = (role: RoleBody): boolean =>
  (role.remote_indices ?? []).length > 0 || (role.remote_cluster ?? []).length > 0;

/** What the role was made with, by its mark. */
const madeAs = (cluster: string, { local, alias, auth, wish }: RoleMark): RoleBody =>
  cluster === local ? localRole({ model: auth, alias, isItself: false }, wish) : remoteRole(wish);

/** What somebody changed of a role that Remora made, a sentence each. */
const driftOf = (cluster: string, role: RoleBody): string[] => {
  const mark = markOfRole(role);
  if (mark === null) return [];
  const made = madeAs(cluster, mark);
  return [
    ...grantsBeyond(made, role).map((line) => `It has lost ${line}.`),
    ...grantsBeyond(role, made).map((line) => `It has gained ${line}.`),
  ];
};

const viewOf = ({ cluster, users }: ClusterRoles, name: string, role: RoleBody): RoleView => {
  const mark = markOfRole(role);
  const having = [...users].filter(([, { roles }]) => roles.includes(name)).map(([user]) => user);
  return {
    ...{ cluster, name, managed: isRemoras(role), connection: mark ? `${mark.local}/${mark.alias}` : null },
    ...{ grants: grantLines(role), users: having.sort(), drift: driftOf(cluster, role) },
  };
};

/** Roles of a cluster that have to do with connections; those that Elasticsearch brings are not people's. */
export const roleViews = (found: ClusterRoles): RoleView[] =>
  [...found.roles]
    .filter(([, role]) => !isReserved(role) && (isRemote(role) || markOfRole(role) !== null))
    .map(([name, role]) => viewOf(found, name, role))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

const isOver = (role: RoleBody, alias: string): boolean =>
  [...(role.remote_indices ?? []), ...(role.remote_cluster ?? [])].some(({ clusters }) =>
    clusters.some((pattern) => matchesPattern(pattern, alias)),
  );

/** Roles that grant something over an alias, or were made for it, by name. */
const rolesOver = ({ roles }: Pick<ClusterRoles, 'roles'>, at: { readonly local: string; readonly alias: string }) =>
  [...roles]
    .filter(([, role]) => {
      const mark = markOfRole(role);
      return !isReserved(role) && (isOver(role, at.alias) || (mark?.local === at.local && mark.alias === at.alias));
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));

/** Each role of the local cluster against what the key of a connection grants; null where certificates let users in, which know no key. */
export const keyChecks = (
  found: Pick<ClusterRoles, 'cluster' | 'roles'>,
  at: { readonly local: string; readonly alias: string },
  key: KeyGrants | null,
): RoleCheck[] =>
  rolesOver(found, at).map(([name, role]) => {
    const beyond = key === null ? [] : beyondKey(role, at.alias, key).map((clause) => `${clause}.`);
    const findings = [...beyond, ...driftOf(found.cluster, role)];
    return { cluster: found.cluster, name, managed: isRemoras(role), ok: findings.length === 0, findings };
  });

/** Roles that Remora made on the local cluster, without which those of the same name on the remote one let nobody in, and the other way round. */
export const pairChecks = (
  local: Pick<ClusterRoles, 'cluster' | 'roles'>,
  remote: Pick<ClusterRoles, 'cluster' | 'roles'>,
  at: { readonly local: string; readonly alias: string },
): RoleCheck[] => {
  const checks = [...keyChecks(local, at, null), ...keyChecks(remote, at, null)];
  return checks.map((check) => {
    const other = check.cluster === local.cluster ? remote : local;
    if (other.roles.has(check.name)) return check;
    const lost = `Cluster ${other.cluster} has no role of this name: users with it may do nothing over the connection.`;
    return { ...check, ok: false, findings: [...check.findings, lost] };
  });
};
