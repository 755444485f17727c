import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { RoleApplyRequest, RoleRemoveRequest } from '@remora/shared/model/role-request.ts';
import { listRoles, listUsers } from '../elasticsearch/security.ts';
import type { ObserveParts } from '../observe/observe-nodes.ts';
import { connectionOf, keyGrantsOf } from '../observe/observe-roles.ts';
import { isForeign } from '../plan/records.ts';
import type { Change, Services } from '../services.ts';
import { type ClusterRoles, keyChecks, pairChecks, roleViews } from './role-views.ts';

type RoleServiceParts = Pick<ObserveParts, 'clients' | 'inventory'>;

const rolesOf = async ({ clients }: RoleServiceParts, cluster: string): Promise<ClusterRoles> => {
  const client = await clients.get(cluster);
  const [roles, users] = await Promise.all([listRoles(client, cluster), listUsers(client, cluster)]);
  return { cluster, roles, users };
};

const list = async (parts: RoleServiceParts): ReturnType<Services['roles']['list']> => {
  const clusters = await parts.inventory.clusters.list();
  const problems: string[] = [];
  const found = await Promise.all(
    clusters.map(async ({ name }) => {
      try {
        return roleViews(await rolesOf(parts, name));
      } catch (error) {
        problems.push(messageOf(error));
        return [];
      }
    }),
  );
  return { roles: found.flat(), problems };
};

const check = async (parts: RoleServiceParts, local: string, alias: string): ReturnType<Services['roles']['check']> => {
  const at = { local, alias };
  const record = await connectionOf(parts, at);
  const [own, key] = await Promise.all([rolesOf(parts, local), keyGrantsOf(parts, record)]);
  if (typeof key === 'string')
    throw new RemoraError('preflight-failed', `What the key of ${local}/${alias} grants cannot be told: ${key}`);
  if (key !== null || isForeign(record)) return keyChecks(own, at, key);
  return pairChecks(own, await rolesOf(parts, record.remote), at);
};

export const roleService = (
  parts: RoleServiceParts,
  changes: { readonly application: Change<RoleApplyRequest>; readonly removal: Change<RoleRemoveRequest> },
): Services['roles'] => ({
  ...changes,
  list: () => list(parts),
  check: (local, alias) => check(parts, local, alias),
});
