import type { RoleMark } from '@remora/shared/model/keys/role-mark.ts';
import type { RoleCheck, RoleView } from '@remora/shared/model/keys/role-view.ts';
import { matchesPattern } from '../../plan/keys/patterns.ts';
import type { ConnectionSeen } from '../../plan/roles/facts.ts';
import { beyondKey, type KeyGrants } from '../../plan/roles/key-coverage.ts';
import {
  grantLines,
  grantsBeyond,
  isRemoras,
  isReserved,
  type RoleBody,
  type UserBody,
} from '../../plan/roles/role-definition.ts';
import { localRole, markOfRole, remoteRole } from '../../plan/roles/wanted.ts';

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

type Of = Pick<ConnectionSeen, 'local' | 'alias'>;

const isFor = (mark: RoleMark | null, { local, alias }: Of): boolean => mark?.local === local && mark.alias === alias;

/** What became different of the connection that a role was made for, a sentence each: the role may give nothing then, or something over another connection. */
const changeOf = (
  { cluster, name }: { readonly cluster: string; readonly name: string },
  mark: RoleMark,
  connections: readonly ConnectionSeen[],
): string[] => {
  const { local, remote, alias, auth } = mark;
  const one = connections.find((each) => isFor(mark, each));
  if (one === undefined)
    return [
      `The connection ${local}/${alias} is not on record any more: \`remora roles remove ${local} ${alias} --name ${name}\` takes the role away.`,
    ];
  if (cluster !== local && one.model === 'api_key')
    return [
      `It was made for a connection by certificates, and ${local}/${alias} is one by API key now, which needs no role here: \`remora migrate ${local} ${alias} --to api_key --remove-roles\` removes it.`,
    ];
  const again = `\`remora roles apply ${local} ${alias} --name ${name}\` with what it shall grant`;
  return [
    ...(auth === one.model
      ? []
      : [
          `It was made for a connection by ${auth === 'certificate' ? 'certificates' : 'API key'}, and ${local}/${alias} is one by ${auth === 'certificate' ? 'API key' : 'certificates'} now, where it gives nothing: ${again} makes it anew.`,
        ]),
    ...(remote === undefined || remote === one.remote
      ? []
      : [`It was made for cluster ${remote}, and ${local}/${alias} leads to ${one.remote} now: ${again} confirms it.`]),
  ];
};

const viewOf = (
  { cluster, users }: ClusterRoles,
  name: string,
  role: RoleBody,
  connections: readonly ConnectionSeen[],
): RoleView => {
  const mark = markOfRole(role);
  const having = [...users].filter(([, { roles }]) => roles.includes(name)).map(([user]) => user);
  const drift = mark === null ? [] : [...changeOf({ cluster, name }, mark, connections), ...driftOf(cluster, role)];
  return {
    ...{ cluster, name, managed: isRemoras(role), connection: mark ? `${mark.local}/${mark.alias}` : null },
    ...{ grants: grantLines(role), users: having.sort(), drift },
  };
};

/** Roles of a cluster that have to do with connections; those that Elasticsearch brings are not people's. `connections` are all that are on record. */
export const roleViews = (found: ClusterRoles, connections: readonly ConnectionSeen[]): RoleView[] =>
  [...found.roles]
    .filter(([, role]) => !isReserved(role) && (isRemote(role) || markOfRole(role) !== null))
    .map(([name, role]) => viewOf(found, name, role, connections))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

const isOver = (role: RoleBody, alias: string): boolean =>
  [...(role.remote_indices ?? []), ...(role.remote_cluster ?? [])].some(({ clusters }) =>
    clusters.some((pattern) => matchesPattern(pattern, alias)),
  );

type RolesOfCluster = Pick<ClusterRoles, 'cluster' | 'roles'>;

const checkOf = (cluster: string, name: string, role: RoleBody, findings: readonly string[]): RoleCheck => ({
  ...{ cluster, name, managed: isRemoras(role), ok: findings.length === 0, findings: [...findings] },
});

const ownFindings = (cluster: string, name: string, role: RoleBody, at: ConnectionSeen): string[] => {
  const mark = markOfRole(role);
  return [
    ...(mark !== null && isFor(mark, at) ? changeOf({ cluster, name }, mark, [at]) : []),
    ...driftOf(cluster, role),
  ];
};

const byName = ([a]: readonly [string, RoleBody], [b]: readonly [string, RoleBody]): number => (a < b ? -1 : 1);

/** Each role of the local cluster that grants something over an alias, or was made for it, against what the key of the connection grants. */
export const keyChecks = ({ cluster, roles }: RolesOfCluster, at: ConnectionSeen, key: KeyGrants): RoleCheck[] =>
  [...roles]
    .filter(([, role]) => !isReserved(role) && (isOver(role, at.alias) || isFor(markOfRole(role), at)))
    .sort(byName)
    .map(([name, role]) => {
      const beyond = beyondKey(role, at.alias, key).map((clause) => `${clause}.`);
      return checkOf(cluster, name, role, [...beyond, ...ownFindings(cluster, name, role, at)]);
    });

/**
 * Roles that Remora made on one cluster of a connection by certificates: without one of the same name on the other they let nobody in. `remote_indices` mean nothing there,
 * so that roles of others are not looked at.
 */
export const pairChecks = (local: RolesOfCluster, remote: RolesOfCluster, at: ConnectionSeen): RoleCheck[] =>
  [local, remote].flatMap(({ cluster, roles }) => {
    const other = cluster === local.cluster ? remote : local;
    const lost = `Cluster ${other.cluster} has no role of this name: users with it may do nothing over the connection.`;
    return [...roles]
      .filter(([, role]) => isFor(markOfRole(role), at))
      .sort(byName)
      .map(([name, role]) =>
        checkOf(cluster, name, role, [
          ...ownFindings(cluster, name, role, at),
          ...(other.roles.has(name) ? [] : [lost]),
        ]),
      );
  });
