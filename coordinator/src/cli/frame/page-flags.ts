import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { wholeNumber } from './input.ts';

const MOST_AT_ONCE = 1000;
const USUAL_PAGE = 50;

interface PageFlags {
  readonly limit?: number;
  readonly before?: string;
}

/** A command that lists a page at a time, newest first, and says how to get the next one. */
export const addPageFlags = (command: Command, noun: string): Command =>
  command
    .option('--limit <count>', `so many, ${MOST_AT_ONCE} at most (default: 50)`, wholeNumber('--limit', MOST_AT_ONCE))
    .option('--before <id>', `only those created before this ${noun}: the next page`);

/** Fetches the page that the flags ask for, and shows it. */
export const showPage = async <T>(
  cli: Cli,
  address: string,
  flags: PageFlags,
  show: { readonly table: (rows: readonly T[]) => string; readonly id: (row: T) => string },
): Promise<void> => {
  const given = Object.fromEntries(Object.entries(flags).map(([name, value]) => [name, String(value)]));
  const rows = await (await cli.client()).get<T[]>(`${address}?${new URLSearchParams(given)}`);
  cli.answer(rows, () => show.table(rows));
  const last = rows.at(-1);
  if (last && rows.length === (flags.limit ?? USUAL_PAGE)) cli.note(`Earlier ones: --before ${show.id(last)}`);
};
