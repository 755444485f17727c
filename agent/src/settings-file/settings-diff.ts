import { lineChanges } from './line-changes.ts';
import { linesOf, maskedLines } from './masked-lines.ts';

/** Lines around a change that are shown: enough to find the place, and little of what is nobody's business. */
const CONTEXT = 2;

interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
  /** How many lines of each text stand before it. */
  readonly before: number;
  readonly after: number;
}

const NO_LINE_BREAK = '\\ No newline at end of file';
const endsOpen = (text: string): boolean => text !== '' && !/[\r\n]$/.test(text);

/** Every line of both texts in the order of a diff. */
const aligned = (before: string, after: string): Line[] => {
  const [shownBefore, shownAfter] = [maskedLines(before), maskedLines(after)];
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  for (const sign of lineChanges(keysOf(before), keysOf(after))) {
    const text = (sign === '+' ? shownAfter[j] : shownBefore[i]) ?? '';
    lines.push({ sign, text, before: i, after: j });
    if (sign !== '+') i += 1;
    if (sign !== '-') j += 1;
  }
  return lines;
};

/** What makes two lines the same: the last one is another when it has no line break. */
const keysOf = (text: string): string[] => {
  const lines = linesOf(text);
  return endsOpen(text) ? [...lines.slice(0, -1), `${lines.at(-1)}\n${NO_LINE_BREAK}`] : lines;
};

/** Where the hunks begin and end in the aligned lines. */
const hunksOf = (lines: readonly Line[]): { start: number; end: number }[] => {
  const hunks: { start: number; end: number }[] = [];
  for (const [at, { sign }] of lines.entries()) {
    if (sign === ' ') continue;
    const [start, end] = [Math.max(0, at - CONTEXT), Math.min(lines.length, at + CONTEXT + 1)];
    const last = hunks.at(-1);
    if (last && start <= last.end) last.end = end;
    else hunks.push({ start, end });
  }
  return hunks;
};

/** A range as unified diffs write it: the line before an empty one. */
const range = (first: number, count: number): string => `${count === 0 ? first : first + 1},${count}`;

/**
 * What becomes different in an elasticsearch.yml as a unified diff, secrets masked (see masked-lines.ts); empty when nothing does.
 * @throws {SettingsFileError} when one of the texts cannot be read.
 */
export const settingsDiff = (before: string, after: string, name: string): string => {
  if (before === after) return '';
  const lines = aligned(before, after);
  const [openBefore, openAfter] = [endsOpen(before), endsOpen(after)];
  const [countBefore, countAfter] = [linesOf(before).length, linesOf(after).length];
  const printed = ({ sign, text, before: i, after: j }: Line): string[] => {
    const isOpen =
      (sign !== '+' && openBefore && i === countBefore - 1) || (sign === '+' && openAfter && j === countAfter - 1);
    return isOpen ? [`${sign}${text}`, NO_LINE_BREAK] : [`${sign}${text}`];
  };
  const hunks = hunksOf(lines).flatMap(({ start, end }) => {
    const hunk = lines.slice(start, end);
    const count = (other: '-' | '+'): number => hunk.filter(({ sign }) => sign !== other).length;
    const [first] = hunk;
    const head = `@@ -${range(first?.before ?? 0, count('+'))} +${range(first?.after ?? 0, count('-'))} @@`;
    return [head, ...hunk.flatMap(printed)];
  });
  return [`--- ${name}`, `+++ ${name}`, ...hunks].join('\n');
};
