import { RemoraError } from '@remora/shared/errors.ts';
import type { Command } from 'commander';

const refuse = (what: string): never => {
  throw new RemoraError('bad-input', `\`${what}\` is not supported yet: a later release brings it.`, {
    hint: '`remora --help` shows what this one does.',
  });
};

/** Commands that the contract names and this release does not have: refused by name, so that no script believes they did something. */
export const laterCommands = ['converge', 'plan', 'drift', 'freeze', 'unfreeze', 'bench'] as const;

/** Registers names that are refused, hidden from the help. */
export const addLaterCommands = (command: Command, names: readonly string[]): void => {
  for (const name of names) {
    command
      .command(name, { hidden: true })
      .argument('[rest...]')
      .allowUnknownOption()
      .action(() => refuse([...(command.parent ? [command.name()] : []), name].join(' ')));
  }
};
