import { stripVTControlCharacters } from 'node:util';

/** Text from elsewhere (node names, messages), made safe for a terminal: no control characters but line breaks. */
export const plain = (text: string): string => stripVTControlCharacters(text).replace(/[^\P{Cc}\n\t]/gu, '?');

/** Columns of a terminal; pipes get lines as long as they need. */
export const terminalWidth = (stream: { readonly columns?: number } = process.stdout): number =>
  stream.columns || 10_000;

/** A moment without what nobody reads of it. */
export const toTheSecond = (at: string): string => at.replace(/\.\d+Z$/, 'Z');

/** The same for tables, where a column is dear. */
export const toTheMinute = (at: string): string => at.replace(/:\d\d(\.\d+)?Z$/, 'Z');

/** `1 step`, `2 steps`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Blanks at the beginning stay: in a diff they say what kind of line it is, and in YAML what it belongs to. */
const wrapLine = (line: string, width: number): string[] => {
  const lines: string[] = [];
  const [margin = ''] = /^ */.exec(line) ?? [];
  const [first = '', ...words] = line.slice(margin.length).split(' ');
  let current = `${margin}${first}`;
  for (const word of words) {
    if (current.length + 1 + word.length > width) {
      lines.push(current);
      current = `${margin}${word}`;
    } else current = `${current} ${word}`;
  }
  return [...lines, current];
};

/** Breaks text at blanks so that it fits, each line behind the indent. */
export const wrap = (text: string, indent: string, width: number = terminalWidth()): string =>
  plain(text)
    .split('\n')
    .flatMap((line) => wrapLine(line, Math.max(20, width - indent.length)))
    .map((line) => `${indent}${line}`)
    .join('\n');
