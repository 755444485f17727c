/** Index privileges of a role, as the role API has them. */
export interface IndexGrant {
  readonly names: readonly string[];
  readonly privileges: readonly string[];
  readonly allow_restricted_indices?: boolean;
  readonly [more: string]: unknown;
}

/** The same over aliases, which may have wildcards. */
export interface RemoteIndexGrant extends IndexGrant {
  readonly clusters: readonly string[];
}

export interface RemoteClusterGrant {
  readonly clusters: readonly string[];
  readonly privileges: readonly string[];
}

/** A role as the role API takes it; what else it has is kept as it is. */
export interface RoleBody {
  readonly cluster?: readonly string[];
  readonly indices?: readonly IndexGrant[];
  readonly remote_indices?: readonly RemoteIndexGrant[];
  readonly remote_cluster?: readonly RemoteClusterGrant[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly [more: string]: unknown;
}

/** A user of the native realm as the user API takes it, but for the password, which it never tells. */
export interface UserBody {
  readonly roles: readonly string[];
  readonly full_name: string | null;
  readonly email: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly enabled: boolean;
}

type Metadata = Pick<RoleBody, 'metadata'>;

/** Whether Elasticsearch brings it, so that nobody may change it. */
export const isReserved = ({ metadata }: Metadata): boolean => metadata?._reserved === true;

/** Whether Remora made it, by its mark. */
export const isRemoras = ({ metadata }: Metadata): boolean => metadata?.managed_by === 'remora';
