import { isLastThird } from '../certificates/last-third.ts';
import type { Access, ConnectionRecord } from '../connection/connection-records.ts';
import type { KeyObservation } from '../facts.ts';
import type { ApiKeyRecord } from '../records.ts';
import type { KeyMark } from './key-names.ts';
import { matchesPattern } from './patterns.ts';

/** A cross-cluster API key as its cluster knows it. Times in ms since 1970. */
export interface ClusterKey {
  readonly id: string;
  readonly name: string;
  readonly access: Access;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly createdAtMs: number;
  /** Null for no end. */
  readonly expiresAtMs: number | null;
  readonly invalidated: boolean;
  readonly owner: string;
  readonly certificateIdentity: string | null;
}

/** A key on record with what its cluster says of it; null where that does not know it (any more). */
export interface FoundKey extends KeyObservation {
  readonly record: ApiKeyRecord;
  readonly key: ClusterKey | null;
}

/** The connection that a key says it was made for; null of one that Remora did not make. */
export const markOf = ({ metadata }: ClusterKey): Partial<KeyMark & { readonly for: string }> | null =>
  metadata.managed_by === 'remora' && typeof metadata.remora === 'object' ? (metadata.remora ?? null) : null;

/** Whether Remora made the key for this connection, by its mark: also one that a crash left without a record. */
export const isMarkedFor = (
  key: ClusterKey,
  { local, alias }: Pick<ConnectionRecord, 'local' | 'alias'>,
  localUuid: string,
): boolean => {
  const mark = markOf(key);
  return mark?.local === local && mark.alias === alias && mark.local_cluster_uuid === localUuid;
};

/** Whether two thirds of a key's life are over; not of one without end. */
export const isKeyMostlyOver = (
  { createdAtMs, expiresAtMs }: Pick<ClusterKey, 'createdAtMs' | 'expiresAtMs'>,
  nowMs: number,
): boolean => expiresAtMs !== null && isLastThird(expiresAtMs - nowMs, expiresAtMs - createdAtMs);

/** Whether a cluster still lets a key in. */
export const isLiving = ({ invalidated, expiresAtMs }: ClusterKey, nowMs: number): boolean =>
  !invalidated && (expiresAtMs === null || expiresAtMs > nowMs);

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, one]) => !(name === 'allow_restricted_indices' && one === false))
      // A query is kept as text, however it was given.
      .map(([name, one]): [string, unknown] => [name, name === 'query' ? queryOf(one) : canonical(one)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
};

const queryOf = (query: unknown): unknown => {
  if (typeof query !== 'string') return canonical(query);
  try {
    return canonical(JSON.parse(query));
  } catch {
    return query;
  }
};

/** Whether two keys grant the same, however Elasticsearch writes it: it adds defaults, and keeps queries as text. */
export const sameAccess = (one: Access, other: Access): boolean =>
  JSON.stringify(canonical(one)) === JSON.stringify(canonical(other));

const entryInWords = ({ names, ...more }: { readonly names: readonly string[]; readonly [more: string]: unknown }) => {
  const { field_security: fields, query, allow_restricted_indices: restricted } = more;
  const parts = [
    ...(fields === undefined ? [] : ['some fields']),
    ...(query === undefined ? [] : ['documents of a query']),
    ...(restricted === true ? ['system indices too'] : []),
  ];
  return `${names.join(', ')}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`;
};

/** What a key grants, for people. */
export const accessInWords = ({ search = [], replication = [] }: Access): string =>
  [
    ...(search.length === 0 ? [] : [`search ${search.map(entryInWords).join('; ')}`]),
    ...(replication.length === 0 ? [] : [`replicate ${replication.map(entryInWords).join('; ')}`]),
  ].join(', ') || 'nothing';

/** Neither has to exist. The second one is a name of system indices, which a key grants only where it says so. */
const candidates = [
  { name: 'remora-key-check', isRestricted: false },
  { name: '.tasks-remora-key-check', isRestricted: true },
] as const;

/** Their names: where it is not known what a key grants, one of them is most likely refused. */
export const checkedIndices: readonly string[] = candidates.map(({ name }) => name);

/** Name of an index that the key does not grant; null where it grants every one. */
export const refusedIndex = ({ search = [], replication = [] }: Access): string | null => {
  const entries: readonly { readonly names: readonly string[]; readonly allow_restricted_indices?: unknown }[] = [
    ...search,
    ...replication,
  ];
  const isGranted = ({ name, isRestricted }: (typeof candidates)[number]): boolean =>
    entries.some(
      ({ names, allow_restricted_indices: all }) =>
        (!isRestricted || all === true) && names.some((pattern) => matchesPattern(pattern, name)),
    );
  return candidates.find((one) => !isGranted(one))?.name ?? null;
};
