import { cloudClusterPattern } from '@remora/shared/model/clouds/cloud-name.ts';
import { matchesPattern } from '../keys/patterns.ts';

/** What Elasticsearch reads as more than characters and wildcards: a regular expression between slashes, and escapes. */
const isOdd = (pattern: string): boolean => pattern.startsWith('/') || pattern.includes('\\');

/**
 * Whether trust restrictions with these patterns let in a certificate with these names; case counts. A pattern that is a regular expression, or has escapes, is not
 * judged, and counts as one that does not match.
 */
export const letsIn = (patterns: readonly string[], names: readonly string[]): boolean =>
  patterns.some((pattern) => !isOdd(pattern) && names.some((name) => matchesPattern(pattern, name)));

/** Whether a name can stand as a pattern that means itself. */
export const isPlainName = (name: string): boolean => /^[A-Za-z0-9._-]+$/.test(name);

/**
 * The pattern that lets a node of one's own cluster in: all of the cluster where its name follows Elastic Cloud, so that nodes that join later are in too; else that name
 * alone.
 */
export const ownPattern = (name: string): string => cloudClusterPattern(name) ?? name;

/** Whether a text can be the end of a name by the pattern of Elastic Cloud, or such a name be the end of it. */
const isCloudEnd = (end: string): boolean => end.endsWith('.account') || '.account'.endsWith(end);

/**
 * Whether a pattern lets in nodes of organizations that it does not name, of names by the pattern of Elastic Cloud: with the CA of a region trusted, these are strangers.
 * What it ends with after its last wildcard has to name the organization, or be the end of no such name.
 */
export const letsInStrangers = (pattern: string): boolean => {
  const [, isOpen, end = ''] = /^(.*[*?])?(.*)$/s.exec(pattern) ?? [];
  if (isOdd(pattern)) return true;
  return isOpen !== undefined && isCloudEnd(end) && !/\.cluster\.[^.]+\.account$/.test(end);
};
