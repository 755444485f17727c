import { RemoraError } from '@remora/shared/errors.ts';
import { neededPrivileges } from './privileges.ts';
import { isRemoras, isReserved, type RoleBody, type UserBody } from './role-definition.ts';

/** The user that Remora logs in as; its role has the same name. */
export interface RemoraUserWish {
  readonly cluster: string;
  readonly user: string;
  /** Over which connections that begin in this cluster are proven. */
  readonly aliases: readonly string[];
}

/** What there is of these names; null for nothing. */
export interface RemoraUserFacts {
  readonly role: RoleBody | null;
  readonly user: UserBody | null;
}

const refuse = (message: string, hint: string): never => {
  throw new RemoraError('conflict', message, { hint });
};

const other = 'Choose another name with --user, or leave out --create-user: then the user is taken as it is.';

const refuseOthers = ({ cluster, user }: RemoraUserWish, found: RemoraUserFacts): void => {
  for (const [what, one] of [
    ['user', found.user],
    ['role', found.role],
  ] as const) {
    if (one === null) continue;
    if (isReserved(one)) refuse(`The ${what} ${user} of cluster ${cluster} is one that Elasticsearch brings.`, other);
    if (!isRemoras(one))
      refuse(`Cluster ${cluster} has a ${what} ${user} already, which Remora did not make: it stays as it is.`, other);
    // What `roles apply` makes has more in its mark.
    if (one.metadata?.remora !== undefined)
      refuse(`The ${what} ${user} of cluster ${cluster} is one of a connection: see \`remora roles list\`.`, other);
  }
};

const mark = { managed_by: 'remora' } as const;

/**
 * The role and the user with exactly what Remora needs: cluster privileges, and over each alias the least that lets a request cross. Aliases and roles that a former
 * call gave stay. Throws `conflict` for what others made.
 */
export const remoraUser = (
  wish: RemoraUserWish,
  found: RemoraUserFacts,
): { readonly role: RoleBody; readonly user: UserBody } => {
  refuseOthers(wish, found);
  const known = found.role?.remote_indices?.flatMap(({ clusters }) => clusters) ?? [];
  const clusters = [...new Set([...known, ...wish.aliases])].sort();
  const over = { clusters, names: ['*'], privileges: ['view_index_metadata'] };
  return {
    role: {
      cluster: [...neededPrivileges],
      ...(clusters.length === 0 ? {} : { remote_indices: [over] }),
      metadata: mark,
    },
    user: {
      ...{ full_name: null, email: null },
      ...found.user,
      roles: [...new Set([...(found.user?.roles ?? []), wish.user])],
      metadata: { ...found.user?.metadata, ...mark },
      enabled: true,
    },
  };
};
