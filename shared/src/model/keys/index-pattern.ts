import { regexpProblem } from './lucene-regexp.ts';

const regexpPatternProblem = (text: string): string | null => {
  if (text.length < 3 || !text.endsWith('/'))
    return 'what begins with a slash is a regular expression, and ends with another one';
  const problem = regexpProblem(text.slice(1, -1));
  return problem === null ? null : `as a regular expression of Lucene it has ${problem}`;
};

/**
 * Why a text cannot be an index pattern of an API key, as the end of a sentence; null when it can. Elasticsearch takes any text, and then grants nothing or refuses every
 * request.
 */
export const patternProblem = (text: string): string | null => {
  if (text.startsWith('/')) return regexpPatternProblem(text);
  if (!/^[^\s,"\\]+$/.test(text)) return 'write names like logs-*, separated by commas';
  if (text.startsWith('-')) return 'a key excludes nothing, name what it grants';
  return text.includes(':')
    ? 'a cluster knows its own indices without an alias before them, leave out what stands before the colon'
    : null;
};
