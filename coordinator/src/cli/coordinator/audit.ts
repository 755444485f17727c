import type { AuditEntry, AuditVerdict } from '@remora/shared/model/audit.ts';
import type { Cli } from '../frame/cli.ts';
import { wholeNumber } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { auditTable, verdictText } from '../show/audit.ts';

const MOST_AT_ONCE = 1000;

const list = async (cli: Cli, flags: { readonly limit?: number; readonly before?: number }): Promise<void> => {
  const given = Object.fromEntries(Object.entries(flags).map(([name, value]) => [name, String(value)]));
  const entries = await (await cli.client()).get<AuditEntry[]>(`/audit?${new URLSearchParams(given)}`);
  cli.answer(entries, () => auditTable(entries));
};

const verify = async (cli: Cli): Promise<void> => {
  const verdict = await (await cli.client()).get<AuditVerdict>('/audit/verify');
  cli.answer(verdict, () => verdictText(verdict));
  if (!verdict.ok) cli.exit(1);
};

/** A line an entry as it comes; with `--json` one document, as everywhere. */
const exportAll = async (cli: Cli): Promise<void> => {
  const lines = (await cli.client()).lines('/audit/export');
  const entries: unknown[] = [];
  for await (const line of lines) {
    if (cli.json()) entries.push(JSON.parse(line));
    else cli.line(line);
  }
  if (cli.json()) cli.answer(entries, () => '');
};

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list who did what, newest first')
    .option(
      '--limit <count>',
      `so many entries, ${MOST_AT_ONCE} at most (default: 100)`,
      wholeNumber('--limit', MOST_AT_ONCE),
    )
    .option('--before <seq>', 'only those before this one', wholeNumber('--before', 999_999_999))
    .action((flags: { limit?: number; before?: number }) => list(cli, flags));
  command
    .command('verify')
    .description('check that no entry was changed, removed or put in; exits 1 and names the first that does not fit')
    .action(() => verify(cli));
  command
    .command('export')
    .description('write the whole log to stdout, oldest first, as JSON, an entry a line')
    .action(() => exportAll(cli));
};
