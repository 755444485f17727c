import { plain, terminalWidth } from './text.ts';

/** A column's head and what stands in it; the first column is never cut. */
export type Column<T> = readonly [head: string, cell: (row: T) => string];

const GAP = 2;
const NARROWEST = 8;

/**
 * Cuts the last column, which holds the words of a row (half a time is worth nothing), and then the widest ones until the table fits, but never the first: it
 * holds the name to copy.
 */
const fit = (natural: readonly number[], width: number): number[] => {
  const widths = [...natural];
  const last = widths.length - 1;
  const over = widths.reduce((sum, one) => sum + one + GAP, -GAP) - width;
  if (last > 0 && over > 0) widths[last] = Math.max(Math.min(NARROWEST, widths[last] ?? 0), (widths[last] ?? 0) - over);
  const total = (): number => widths.reduce((sum, one) => sum + one + GAP, -GAP);
  while (total() > width) {
    const widest = widths.reduce(
      (best, one, i) => (i > 0 && one > (widths[best] ?? 0) ? i : best),
      Math.min(1, widths.length - 1),
    );
    const current = widths[widest] ?? 0;
    if (widest === 0 || current <= NARROWEST) break;
    widths[widest] = current - 1;
  }
  return widths;
};

const cut = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);

interface Look<T> {
  /** Columns of the terminal. */
  readonly width?: number;
  /** Colours the finished line of a row. */
  readonly paint?: (row: T, line: string) => string;
}

/** A table for people that fits the terminal; `empty` is what stands there when it has no rows. */
export const table = <T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  empty: string,
  { width = terminalWidth(), paint = (_, line) => line }: Look<T> = {},
): string => {
  if (rows.length === 0) return empty;
  const lines = [
    columns.map(([head]) => head),
    ...rows.map((row) => columns.map(([, cell]) => plain(cell(row)).replaceAll('\n', ' '))),
  ];
  const natural = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const widths = fit(natural, width);
  return lines
    .map((line, i) => {
      const text = line
        .map((cell, column) => cut(cell, widths[column] ?? 0))
        .join(' '.repeat(GAP))
        .trimEnd();
      const row = rows[i - 1];
      return row === undefined ? text : paint(row, text);
    })
    .join('\n');
};
