import { stripVTControlCharacters } from 'node:util';

/** Text from elsewhere (node names, messages), made safe for a terminal: no control characters but line breaks. */
export const plain = (text: string): string => stripVTControlCharacters(text).replace(/[^\P{Cc}\n\t]/gu, '?');

/** Columns of a terminal; pipes get lines as long as they need. */
export const terminalWidth = (stream: { readonly columns?: number } = process.stdout): number =>
  stream.columns || 10_000;

/** `1 step`, `2 steps`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const wrapLine = (line: string, width: number): string[] => {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
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
