/** A text as one word of a command line, so that a command which is shown can be pasted. */
export const shellWord = (text: string): string =>
  /^[\w.,:%+/@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
