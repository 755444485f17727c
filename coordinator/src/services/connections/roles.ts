import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { listRoles, listUsers } from '../../elasticsearch/security.ts';
import { connectionOf, keyGrantsOf, seenConnection } from '../../observe/connections/observe-roles.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import { isByCertificate } from '../../plan/connection/connection-records.ts';
import type { Services } from '../../services.ts';
import { type ClusterRoles, keyChecks, pairChecks, roleViews } from './role-views.ts';

type RoleServiceParts = Pick<ObserveParts, 'clients' | 'inventory'>;

const rolesOf = async ({ clients }: RoleServiceParts, cluster: string): Promise<ClusterRoles> => {
  const client = await clients.get(cluster);
  const [roles, users] = await Promise.all([listRoles(client, cluster), listUsers(client, cluster)]);
  return { cluster, roles, users };
};

const list = async (parts: RoleServiceParts): ReturnType<Services['roles']['list']> => {
  const [clusters, records] = await Promise.all([parts.inventory.clusters.list(), parts.inventory.connections.list()]);
  const connections = records.map(seenConnection);
  const problems: string[] = [];
  const found = await Promise.all(
    clusters.map(async ({ name }) => {
      try {
        return roleViews(await rolesOf(parts, name), connections);
      } catch (error) {
        problems.push(messageOf(error));
        return [];
      }
    }),
  );
  return { roles: found.flat(), problems };
};

const check = async (parts: RoleServiceParts, local: string, alias: string): ReturnType<Services['roles']['check']> => {
  const record = await connectionOf(parts, { local, alias });
  const at = seenConnection(record);
  const own = await rolesOf(parts, local);
  if (isByCertificate(record)) return pairChecks(own, await rolesOf(parts, record.remote), at);
  const key = await keyGrantsOf(parts, record);
  if (typeof key === 'string' || key === null)
    throw new RemoraError('preflight-failed', `What the key of ${local}/${alias} grants cannot be told: ${key}`);
  return keyChecks(own, at, key);
};

export const roleService = (
  parts: RoleServiceParts,
  changes: Pick<Services['roles'], 'application' | 'removal' | 'keepPassword'>,
): Services['roles'] => ({
  ...changes,
  list: () => list(parts),
  check: (local, alias) => check(parts, local, alias),
});
