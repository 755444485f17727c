import { listRoles, listUsers, mappingsOf } from '../../elasticsearch/security.ts';
import { type AnyConnectionRecord, isByCertificate } from '../../plan/connection/connection-records.ts';
import type { ClusterObservation } from '../../plan/facts.ts';
import type { RemoteRole, RemoteRoles } from '../../plan/roles/remote-roles.ts';
import type { RoleBody } from '../../plan/roles/role-definition.ts';
import { markOfRole } from '../../plan/roles/wanted.ts';
import type { ObserveParts } from '../observe-nodes.ts';

type Parts = Pick<ObserveParts, 'clients' | 'inventory'>;
type Ends = Pick<AnyConnectionRecord, 'local' | 'alias'>;

/** Clusters that connect to a cluster by certificate too, each once: a role of theirs counts there by its name. */
const othersBy = async ({ inventory }: Parts, cluster: string, { local, alias }: Ends): Promise<string[]> => {
  const all = (await inventory.connections.list()).filter(isByCertificate);
  const others = all.filter((one) => one.remote === cluster && (one.local !== local || one.alias !== alias));
  return [...new Set(others.map((one) => one.local))].sort();
};

/** Whether a cluster has a role of this name, in words; one that cannot be asked may. */
const nameIn = async ({ clients }: Parts, cluster: string, name: string): Promise<string[]> => {
  try {
    const roles = await listRoles(await clients.get(cluster), cluster);
    return roles.has(name) ? [`cluster ${cluster}, which connects by certificate,`] : [];
  } catch {
    return [`cluster ${cluster}, which connects by certificate and cannot be asked, maybe`];
  }
};

const usersOf = async (parts: Parts, cluster: string, name: string, others: readonly string[]): Promise<string[]> => {
  const client = await parts.clients.get(cluster);
  const [users, mappings, elsewhere] = await Promise.all([
    listUsers(client, cluster),
    mappingsOf(client, cluster, name),
    Promise.all(others.map((other) => nameIn(parts, other, name))),
  ]);
  return [
    ...[...users].flatMap(([user, { roles }]) => (roles.includes(name) ? [`user ${user}`] : [])).sort(),
    ...mappings.map((mapping) => `role mapping ${mapping}`),
    ...elsewhere.flat(),
  ];
};

/**
 * Roles that Remora made on the remote cluster for a connection by certificate, by their marks; undefined where the cluster is not asked. Where both ends are one cluster
 * such a role is that of the local one, too.
 */
export const observeRemoteRoles = async (
  parts: Parts,
  connection: Ends,
  remote: Pick<ClusterObservation, 'name' | 'clusterUuid' | 'security' | 'missingPrivileges'>,
): Promise<RemoteRoles | undefined> => {
  const { name: cluster, clusterUuid } = remote;
  const { local, alias } = connection;
  if (remote.security === 'off' || remote.missingPrivileges.includes('manage_security')) return undefined;
  if (local === cluster || (await parts.clients.record(local)).clusterUuid === clusterUuid) return undefined;
  const isItsOwn = ([, role]: readonly [string, RoleBody]): boolean => {
    const mark = markOfRole(role);
    return mark?.local === local && mark.alias === alias && mark.auth === 'certificate';
  };
  const own = [...(await listRoles(await parts.clients.get(cluster), cluster))].filter(isItsOwn).sort();
  const others = own.length === 0 ? [] : await othersBy(parts, cluster, connection);
  const roles = own.map(
    async ([name, role]): Promise<RemoteRole> => ({ name, role, usedBy: await usersOf(parts, cluster, name, others) }),
  );
  return { cluster, roles: await Promise.all(roles) };
};
