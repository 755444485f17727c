import { includesPattern, isRegex, matchesPattern, overlapPatterns } from '../keys/patterns.ts';
import type { IndexGrant, RoleBody } from './role-definition.ts';

/** What a cross-cluster key grants, as its role descriptor `cross_cluster` says it. */
export interface KeyGrants {
  readonly cluster: readonly string[];
  readonly indices: readonly IndexGrant[];
}

/** Under which of its two headings a key grants a privilege. */
const headingOf = (privilege: string): string => {
  if (['read', 'read_cross_cluster', 'view_index_metadata'].includes(privilege)) return 'search';
  return privilege === 'cross_cluster_replication' ? 'replication' : `the privilege ${privilege}`;
};

const patternFinding = (
  { alias, name, privilege }: { readonly alias: string; readonly name: string; readonly privilege: string },
  { indices }: KeyGrants,
): string | null => {
  const granting = indices.filter(({ privileges }) => privileges.includes(privilege));
  const names = granting.flatMap((grant) => grant.names);
  const what = `${alias}:${name}`;
  const heading = headingOf(privilege);
  if (names.some((one) => includesPattern(one, name))) return null;
  if (isRegex(name)) return `${what} is a regular expression, which cannot be compared with what the key grants`;
  const touching = names.filter((one) => overlapPatterns(one, name));
  return touching.length === 0
    ? `${what} is not in ${heading} of the key`
    : `${what} goes beyond ${heading} of the key, which has ${touching.join(', ')}`;
};

/** What the key narrows although its patterns cover the role's. */
const narrowFindings = (alias: string, grant: IndexGrant, { indices }: KeyGrants): string[] =>
  grant.names.flatMap((name) => {
    const covering = indices.filter(({ names }) => names.some((one) => includesPattern(one, name)));
    if (covering.length === 0) return [];
    const what = `${alias}:${name}`;
    const isWhole = (has: (one: IndexGrant) => boolean): boolean => covering.some(has);
    return [
      ...(grant.allow_restricted_indices === true && !isWhole((one) => one.allow_restricted_indices === true)
        ? [`${what} covers system indices, and the key has no allow_restricted_indices there`]
        : []),
      ...(isWhole((one) => one.field_security === undefined) ? [] : [`${what} is narrowed by the key to some fields`]),
      ...(isWhole((one) => one.query === undefined) ? [] : [`${what} is narrowed by the key to documents of a query`]),
    ];
  });

/** A key that searches lets statistics be read too, without saying so. */
const hasClusterPrivilege = ({ cluster }: KeyGrants, privilege: string): boolean =>
  cluster.includes(privilege) || (privilege === 'monitor_stats' && cluster.includes('cross_cluster_search'));

/**
 * What a role grants over an alias and the key of the connection does not, a clause each: nobody gets that with any role. Elasticsearch's own refusal is the same for
 * both. A role whose aliases have wildcards is looked at too.
 */
export const beyondKey = (role: RoleBody, alias: string, key: KeyGrants): string[] => {
  const isOver = ({ clusters }: { readonly clusters: readonly string[] }): boolean =>
    clusters.some((pattern) => matchesPattern(pattern, alias));
  const grants = (role.remote_indices ?? []).filter(isOver);
  const missing = grants.flatMap(({ names, privileges }) =>
    names.flatMap((name) => privileges.map((privilege) => patternFinding({ alias, name, privilege }, key))),
  );
  const narrowed = grants.flatMap((grant) => narrowFindings(alias, grant, key));
  const cluster = (role.remote_cluster ?? [])
    .filter(isOver)
    .flatMap(({ privileges }) => privileges)
    .filter((privilege) => !hasClusterPrivilege(key, privilege))
    .map((privilege) => `${alias}: ${privilege} on the remote cluster itself is not in the key`);
  return [...new Set([...missing.filter((finding) => finding !== null), ...narrowed, ...cluster])];
};
