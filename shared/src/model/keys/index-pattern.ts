/**
 * Why a text cannot be an index pattern of an API key, as the end of a sentence; null when it can. Elasticsearch takes any text and then grants nothing. Regular expressions
 * (`/…/`) are its own to judge.
 */
export const patternProblem = (text: string): string | null => {
  if (text.startsWith('/') && text.length > 1) return null;
  if (!/^[^\s,"\\]+$/.test(text)) return 'write names like logs-*, separated by commas';
  if (text.startsWith('-')) return 'a key excludes nothing, name what it grants';
  return text.includes(':')
    ? 'a cluster knows its own indices without an alias before them, leave out what stands before the colon'
    : null;
};
