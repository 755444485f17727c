import { RemoraError } from '@remora/shared/errors.ts';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import { parseAlias, parseClusterName } from '@remora/shared/model/values/names.ts';
import type { Cli } from '../frame/cli.ts';
import type { Register } from '../frame/register.ts';
import { connectionsTable, connectionText, proofMatrix } from '../show/connections.ts';

/** Exit 1 when a connection that was checked does not hold: the command is made for monitoring. */
const check = async (cli: Cli, local?: string, alias?: string): Promise<void> => {
  if (local !== undefined && alias === undefined) {
    throw new RemoraError(
      'bad-input',
      `Which connection of "${local}"? Give its alias too, or no name at all to check every connection.`,
    );
  }
  const query =
    local === undefined || alias === undefined
      ? ''
      : `?${new URLSearchParams({ local: parseClusterName(local), alias: parseAlias(alias) })}`;
  const found = await (await cli.client()).get<ConnectionView[]>(`/connections/check${query}`);
  cli.answer(found, () => proofMatrix(found));
  if (found.some(({ connected }) => !connected)) cli.exit(1);
};

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list all connections, managed by Remora or not')
    .action(async () => {
      const found = await (await cli.client()).get<ConnectionView[]>('/connections');
      cli.answer(found, () => connectionsTable(found));
    });
  command
    .command('show')
    .description('show one connection: whether it works, its settings, and what its key grants')
    .argument('<local>')
    .argument('<alias>')
    .action(async (local: string, alias: string) => {
      const path = `/connections/${encodeURIComponent(parseClusterName(local))}/${encodeURIComponent(parseAlias(alias))}`;
      const found = await (await cli.client()).get<ConnectionView>(path);
      cli.answer(found, () => connectionText(found));
    });
  command
    .command('check')
    .description('prove connections by a real request from every local node; exits 1 when one does not hold')
    .argument('[local]')
    .argument('[alias]')
    .action((local?: string, alias?: string) => check(cli, local, alias));
};
