import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import { readSecret } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { removeCommand } from '../frame/remove.ts';

/** Checks the name of a secret by the rule of its reference; throws `bad-input`. */
const checkName = (name: string): string => parseSecretReference(`secret:${name}`).name;
const addressOf = (name: string): string => `/secrets/${encodeURIComponent(checkName(name))}`;

export const register: Register = (command, cli) => {
  command
    .command('set')
    .description('store a secret, or a new version of it; a plan names it as secret:NAME')
    .argument('<name>')
    .requiredOption('--file <file>', 'file that holds the value; - for stdin. One line break at its end is left out')
    .action(async (name: string, flags: { readonly file: string }) => {
      const address = addressOf(name);
      await (await cli.client()).put(address, { value: await readSecret(flags.file, '--file') });
      cli.answer({ name }, () => `Stored secret:${name}.`);
    });
  command
    .command('list')
    .description('list the names of all secrets that were set')
    .action(async () => {
      const names = await (await cli.client()).get<string[]>('/secrets');
      cli.answer(names, () => (names.length === 0 ? 'No secret was set yet.' : names.join('\n')));
    });
  removeCommand(command, cli, 'secret', addressOf);
};
