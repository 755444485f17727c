import { isRoleMark, type RoleMark, type RoleWish } from '@remora/shared/model/keys/role-mark.ts';
import type { IndexGrant, RoleBody } from './role-definition.ts';

/** How a connection lets users in: bound by its key, or by a role of the same name on the other cluster. */
export type RoleModel = 'api_key' | 'certificate';

/** The mark of a role; null of one that Remora did not make, and where somebody wrote into the mark what is none. */
export const markOfRole = (role: RoleBody | null): RoleMark | null => {
  const { managed_by: by, remora: mark } = role?.metadata ?? {};
  return by === 'remora' && isRoleMark(mark) ? mark : null;
};

/** What is asked for of a role, without who gets it. */
export const wishOf = (request: RoleWish): RoleWish => {
  const { search, replication, followers, localRead, remoteCluster, restricted } = request;
  const all = { search, replication, followers, localRead, remoteCluster, restricted };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
};

const indices = (
  names: readonly string[] | undefined,
  privileges: readonly string[],
  { restricted }: RoleWish,
): IndexGrant[] =>
  names === undefined ? [] : [{ names, privileges, ...(restricted ? { allow_restricted_indices: true } : {}) }];

const READ = ['read', 'read_cross_cluster'] as const;
const FOLLOW = ['monitor', 'read', 'write', 'manage_follow_index'] as const;

/** What the role grants in the local cluster itself: whoever makes indices follow needs more there than over the connection. */
const localGrants = (wish: RoleWish, isItself: boolean): Pick<RoleBody, 'cluster' | 'indices'> => ({
  cluster: wish.replication ? ['manage_ccr'] : [],
  indices: [
    ...indices(wish.replication && (wish.followers ?? wish.replication), FOLLOW, {}),
    ...indices(wish.localRead, ['read', ...(isItself ? ['read_cross_cluster'] : []), 'view_index_metadata'], {}),
  ],
});

/**
 * What a role grants in the local cluster, over the alias where a key lets users in. `isItself` of a cluster that is a remote of itself, which asks for more there.
 * Elastic's pages: remote clusters with API keys, and with TLS certificates, each "Configure roles and users".
 */
export const localRole = (
  { model, alias, isItself }: { readonly model: RoleModel; readonly alias: string; readonly isItself: boolean },
  wish: RoleWish,
): RoleBody => {
  const own = localGrants(wish, isItself && model === 'certificate');
  if (model === 'certificate') return own;
  const over = (grants: readonly IndexGrant[]) => grants.map((grant) => ({ clusters: [alias], ...grant }));
  return {
    ...own,
    remote_indices: [
      ...over(indices(wish.search, [...READ, 'view_index_metadata'], wish)),
      ...over(indices(wish.replication, ['cross_cluster_replication'], wish)),
    ],
    ...(wish.remoteCluster ? { remote_cluster: [{ clusters: [alias], privileges: wish.remoteCluster }] } : {}),
  };
};

/** What the role of that name grants on the remote cluster, where certificates let users in; Kibana also looks at the mappings. */
export const remoteRole = (wish: RoleWish): RoleBody => ({
  cluster: wish.replication ? ['read_ccr'] : [],
  indices: [
    ...indices(wish.search, [...READ, ...(wish.localRead ? ['view_index_metadata'] : [])], wish),
    ...indices(wish.replication, ['monitor', 'read'], wish),
  ],
});
