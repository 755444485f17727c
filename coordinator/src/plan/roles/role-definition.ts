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

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) {
    const items = value.map(canonical);
    return items.every((item) => typeof item === 'string') ? items.sort() : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, one]) => !(name === 'allow_restricted_indices' && one === false))
      .filter(([, one]) => !(Array.isArray(one) && one.length === 0))
      .map(([name, one]): [string, unknown] => [name, canonical(one)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
};

/** Roles or users as text that is the same for what is the same, however Elasticsearch writes it: it adds defaults. */
export const canonicalText = (body: RoleBody | UserBody | null): string => JSON.stringify(canonical(body));

const listOf = (texts: readonly string[]): string => [...texts].sort().join(', ');

const narrowed = ({ field_security: fields, query, allow_restricted_indices: restricted }: IndexGrant): string => {
  const parts = [
    ...(fields === undefined ? [] : ['some fields']),
    ...(query === undefined ? [] : ['documents of a query']),
    ...(restricted === true ? ['system indices too'] : []),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
};

const grantWords = (grant: IndexGrant): string =>
  `${listOf(grant.names)}: ${listOf(grant.privileges)}${narrowed(grant)}`;

/** What a role grants, a line each, for people and to be compared. */
export const grantLines = (role: RoleBody | null): string[] =>
  role === null
    ? []
    : [
        ...(role.cluster?.length ? [`cluster: ${listOf(role.cluster)}`] : []),
        ...(role.indices ?? []).map((grant) => `indices ${grantWords(grant)}`),
        ...(role.remote_indices ?? []).map(
          (grant) => `remote_indices over ${listOf(grant.clusters)}: ${grantWords(grant)}`,
        ),
        ...(role.remote_cluster ?? []).map(
          ({ clusters, privileges }) => `remote_cluster over ${listOf(clusters)}: ${listOf(privileges)}`,
        ),
      ];

/** The lines that one role has and another has not. */
export const grantsBeyond = (one: RoleBody | null, other: RoleBody | null): string[] => {
  const has = new Set(grantLines(other));
  return grantLines(one).filter((line) => !has.has(line));
};

/** What becomes different in a role: `-` and `+` lines. */
export const roleDiff = (name: string, before: RoleBody | null, after: RoleBody | null): string => {
  if (after === null) return [`- role ${name}`, ...grantLines(before).map((line) => `-   ${line}`)].join('\n');
  const lines = [
    ...grantsBeyond(before, after).map((line) => `-   ${line}`),
    ...grantsBeyond(after, before).map((line) => `+   ${line}`),
  ];
  return [`${before === null ? '+' : ' '} role ${name}`, ...lines].join('\n');
};

/** The same of the roles that a user has. */
export const userDiff = (name: string, before: UserBody | null, after: UserBody | null): string => {
  if (after === null) return `- user ${name}`;
  const [had, has] = [before?.roles ?? [], after.roles];
  return [
    `${before === null ? '+' : ' '} user ${name}`,
    ...had.filter((role) => !has.includes(role)).map((role) => `-   role ${role}`),
    ...has.filter((role) => !had.includes(role)).map((role) => `+   role ${role}`),
  ].join('\n');
};
