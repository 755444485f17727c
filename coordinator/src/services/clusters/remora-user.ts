import { RemoraError } from '@remora/shared/errors.ts';
import { parseAlias } from '@remora/shared/model/values/names.ts';
import type { RecordAlone } from '../../audit/record-alone.ts';
import { type ClusterAccess, openClient } from '../../elasticsearch/client.ts';
import { connectionProblem } from '../../elasticsearch/connection-problem.ts';
import { findRole, findUser, putRole, putUser } from '../../elasticsearch/security.ts';
import { neededPrivileges } from '../../plan/roles/privileges.ts';
import { type RemoraUserWish, remoraUser } from '../../plan/roles/remora-user.ts';

/** By whom and with what Remora's user is made. The credentials of the administrator are for this one call: nothing keeps them. */
export interface UserCreation {
  readonly adminUser: string;
  readonly adminPassword: string;
  readonly aliases: readonly string[];
}

/** Throws `bad-input` for what makes no sense, before any cluster is asked. */
export const checkUserCreation = ({ adminUser, aliases }: UserCreation, user: string): void => {
  for (const alias of aliases) parseAlias(alias);
  if (adminUser === user)
    throw new RemoraError(
      'bad-input',
      `--admin-user and --user are both "${user}": the one makes the other, with less rights.`,
    );
};

/** Makes the user of Remora and its role in a cluster, with no more than it needs, or brings those that Remora made up to date. */
export const createRemoraUser = async (
  recordAlone: RecordAlone,
  access: ClusterAccess,
  { adminUser, adminPassword, aliases }: UserCreation,
  actor: string,
): Promise<void> => {
  const { name: cluster, user, password } = access;
  const client = await openClient({ ...access, user: adminUser, password: adminPassword });
  try {
    const { cluster: held } = await client.security
      .hasPrivileges({ cluster: [...neededPrivileges] })
      .catch(async (error: unknown) => {
        throw await connectionProblem(error, client, `Logging in as ${adminUser}`);
      });
    if (held.manage_security !== true)
      throw new RemoraError(
        'preflight-failed',
        `The user ${adminUser} of cluster ${cluster} lacks the cluster privilege manage_security, so it can make no user.`,
      );
    const wish: RemoraUserWish = { cluster, user, aliases };
    const [foundRole, foundUser] = await Promise.all([
      findRole(client, cluster, user),
      findUser(client, cluster, user),
    ]);
    const made = remoraUser(wish, { role: foundRole, user: foundUser });
    const over = aliases.length === 0 ? '' : `, remote_indices for ${aliases.join(', ')}`;
    const detail = `user and role ${user}, made as ${adminUser}: ${neededPrivileges.join(', ')}${over}`;
    await recordAlone([{ actor, action: 'cluster.user', target: cluster, detail }]);
    await putRole(client, cluster, user, made.role);
    await putUser(client, cluster, user, made.user, password);
  } finally {
    await client.close();
  }
};
