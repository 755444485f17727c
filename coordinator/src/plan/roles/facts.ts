import type { KeyGrants } from './key-coverage.ts';
import type { RoleBody, UserBody } from './role-definition.ts';
import type { RoleModel } from './wanted.ts';

/** A cluster on which a role of the wanted name may be. */
export interface RoleSide {
  readonly cluster: string;
  readonly version: string;
  /** Of `manage_security`. */
  readonly missingPrivileges: readonly string[];
  /** Roles of the user that Remora has there. */
  readonly ownRoles: readonly string[];
  /** Null where there is none of this name. */
  readonly role: RoleBody | null;
}

export interface UserSeen {
  readonly name: string;
  readonly body: UserBody | null;
}

/** Who shall have a role. */
export interface UserWanted extends UserSeen {
  /** Of the password that was given: whether the user logs in with it, that it is shorter than Elasticsearch takes, or that it is not kept and was looked at when it came. */
  readonly password: 'none' | 'fits' | 'other' | 'short' | 'unkept';
}

/** A connection over which a role grants something. */
export interface ConnectionSeen {
  readonly local: string;
  /** For people where somebody else runs it. */
  readonly remote: string;
  readonly alias: string;
  readonly model: RoleModel;
}

/** Everything that the planner of a role looks at. */
export interface RoleFacts {
  readonly connection: ConnectionSeen;
  readonly local: RoleSide;
  /** Absent where the remote cluster has no part in it. */
  readonly remote?: RoleSide;
  /** Both ends are one cluster. */
  readonly isItself: boolean;
  /** Privileges for `remote_cluster` that the local cluster knows; none before 8.15. */
  readonly remoteClusterPrivileges: readonly string[];
  readonly user?: UserWanted;
  /** What the key of the connection grants, or why that could not be told; absent where certificates let users in. */
  readonly key?: KeyGrants | string;
  readonly secretVersions: Readonly<Record<string, number>>;
}

/** Everything that the planner of a role's removal looks at. */
export interface RoleRemovalFacts extends Pick<RoleFacts, 'local' | 'remote'> {
  /** Users of the local cluster that have it. */
  readonly users: readonly UserSeen[];
  /** Names of role mappings that give it. */
  readonly mappings: readonly string[];
}
