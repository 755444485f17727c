/**
 * Whether a name matches a pattern of a role or a key: `*` and `?` are wildcards. What stands between slashes is a regular expression of Lucene's, which is not
 * judged here and let pass: a proof says it.
 */
export const matchesPattern = (pattern: string, name: string): boolean => {
  if (/^\/.*\/$/.test(pattern)) return true;
  const literal = pattern.replace(/[\\^$.+()[\]{}|]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name);
};
