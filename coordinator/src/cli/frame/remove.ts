import { RemoraError } from '@remora/shared/errors.ts';
import type { Command } from 'commander';
import type { Cli } from './cli.ts';

export interface RemoveFlags {
  readonly yes?: true;
  readonly cluster?: string;
  readonly leaveKeys?: true;
}

/**
 * A `remove NAME`, or another verb, that makes Remora forget something. It changes no cluster and no node, so a script needs no --yes; somebody at a terminal is asked.
 */
export const removeCommand = (
  command: Command,
  cli: Cli,
  what: string,
  addressOf: (name: string, flags: RemoveFlags) => string,
  verb = 'remove',
): Command =>
  command
    .command(verb)
    .description(`make Remora forget a ${what}`)
    .argument('<name>')
    .option('--yes', 'do not ask')
    .action(async (name: string, flags: RemoveFlags) => {
      const address = addressOf(name, flags);
      if (cli.interactive && !flags.yes && !(await cli.confirm(`Remove the ${what} "${name}"?`))) {
        throw new RemoraError('not-confirmed', 'Not confirmed: nothing was removed.', {
          hint: 'Answer y, or add --yes.',
        });
      }
      await (await cli.client()).remove(address);
      cli.answer({ removed: name }, () => `Removed the ${what} ${name}.`);
    });
