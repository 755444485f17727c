import { matchesWildcards } from '@remora/shared/model/keys/wildcard.ts';

/**
 * Whether a name matches a pattern of a role or a key: `*` and `?` are wildcards. What stands between slashes is a regular expression of Lucene's, which is not
 * judged here and let pass: a proof says it.
 */
export const matchesPattern = (pattern: string, name: string): boolean =>
  isRegex(pattern) || matchesWildcards(pattern, name);

/** Whether it is one of Lucene's regular expressions. */
export const isRegex = (pattern: string): boolean => /^\/.*\/$/.test(pattern);

type Decide = (i: number, j: number) => boolean;

/** Decides about two patterns from their beginning, each pair of places once: with many wildcards the ways through them are beyond count. */
const decided = (make: (at: Decide) => Decide): boolean => {
  const known = new Map<string, boolean>();
  const decide: Decide = make((i, j) => {
    const place = `${i} ${j}`;
    const before = known.get(place);
    if (before !== undefined) return before;
    const answer = decide(i, j);
    known.set(place, answer);
    return answer;
  });
  return decide(0, 0);
};

/**
 * Whether all that one pattern matches is matched by another: never true where it is not so. Of a regular expression only itself and `*` are known to include it; what
 * one includes is let pass.
 */
export const includesPattern = (outer: string, inner: string): boolean => {
  if (outer === inner || outer === '*') return true;
  if (isRegex(inner) || isRegex(outer)) return !isRegex(inner);
  return decided((at) => (i, j) => {
    const [o, n] = [outer[i], inner[j]];
    if (o === undefined) return n === undefined;
    if (o === '*') return at(i + 1, j) || (n !== undefined && at(i, j + 1));
    if (n === undefined || n === '*') return false;
    return (o === '?' || o === n) && at(i + 1, j + 1);
  });
};

/** Whether there are names that both patterns match; where a regular expression is one of them it is taken to be so. */
export const overlapPatterns = (one: string, other: string): boolean => {
  if (isRegex(one) || isRegex(other)) return true;
  return decided((at) => (i, j) => {
    const [a, b] = [one[i], other[j]];
    if (a === undefined && b === undefined) return true;
    if (a === '*') return at(i + 1, j) || (b !== undefined && at(i, j + 1));
    if (b === '*') return at(i, j + 1) || (a !== undefined && at(i + 1, j));
    if (a === undefined || b === undefined) return false;
    return (a === '?' || b === '?' || a === b) && at(i + 1, j + 1);
  });
};
