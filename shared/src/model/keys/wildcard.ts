/** Whether a text matches a pattern in which `*` stands for any characters and `?` for one, as in the patterns of indices, aliases and fields. */
export const matchesWildcards = (pattern: string, text: string): boolean => {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'u').test(text);
};
