/** What stands as a whole: a character after a backslash, a text in quotes, a class, a range of numbers, a repetition, any other character. */
const TOKEN = /\\[\s\S]|"[^"]*"|\[\^?(?:\\[\s\S]|[^\\])(?:\\[\s\S]|[^\]\\])*\]|<\d+-\d+>|\{\d+(?:,\d*)?\}|[\s\S]/gu;

/** Signs that begin something, by what they begin. One that stands alone is not ended, or holds what it cannot. */
const BEGINS: ReadonlyMap<string, string> = new Map([
  ['\\', 'a backslash at its end'],
  ['"', 'a " without another'],
  ['[', 'a "[" without its "]"'],
  ['<', 'a "<" that begins no range like <1-9>'],
  ['{', 'a "{" that begins no repetition like {2,3}'],
]);

/**
 * What a text cannot have as a regular expression of Lucene, as it stands between slashes in patterns of indices and fields; null where nothing speaks against it. Elasticsearch
 * makes keys and roles with any, and refuses every request with one that is none.
 */
export const regexpProblem = (text: string): string | null => {
  let open = 0;
  for (const [token] of text.matchAll(TOKEN)) {
    const begins = BEGINS.get(token);
    if (begins !== undefined) return begins;
    if (token === '(') open += 1;
    if (token === ')') open -= 1;
    if (open < 0) return 'a ")" without its "("';
  }
  if (open > 0) return 'a "(" without its ")"';
  return /(?<!\\)[|&~]$/.test(text) ? 'nothing after its last sign' : null;
};
