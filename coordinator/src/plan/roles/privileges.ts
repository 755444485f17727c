import type { ClusterObservation } from '../facts.ts';
import { matchesPattern } from '../keys/patterns.ts';

/** Cluster privileges that Remora's user needs in every cluster. */
export const neededPrivileges = ['monitor', 'manage', 'manage_security'] as const;

/** For people: what the user lacks; null when it lacks none. */
export const lacksPrivileges = (cluster: string, missing: readonly string[]): string | null =>
  missing.length === 0
    ? null
    : `The user that Remora has for cluster ${cluster} lacks the cluster privilege${missing.length > 1 ? 's' : ''} ${missing.join(', ')}.`;

/**
 * For people: that the user may not ask over an alias, which Elasticsearch refuses before anything is sent, so that no connection could be proven; null when
 * it may. Whatever the entry of `remote_indices` grants is enough: a refusal by the remote cluster proves the connection too.
 */
export const mayNotAsk = (
  { name, remoteAliases }: Pick<ClusterObservation, 'name' | 'remoteAliases'>,
  alias: string,
): string | null =>
  remoteAliases.some((pattern) => matchesPattern(pattern, alias))
    ? null
    : `The user that Remora has for cluster ${name} has no remote_indices for the alias ${alias}, so no connection could be proven: give its role remote_indices with clusters ["${alias}"], names ["*"] and privileges ["view_index_metadata"]. \`remora clusters add ${name} … --create-user --alias ${alias}\` does that to a user that Remora made.`;
