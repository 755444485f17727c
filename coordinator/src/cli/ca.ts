import type { CaView } from '../http/schemas/ca-view.ts';
import { addLaterCommands } from './frame/later.ts';
import type { Register } from './frame/register.ts';
import { table } from './show/table.ts';

const caTable = (cas: readonly CaView[]): string =>
  table(
    cas,
    [
      ['NAME', ({ name }) => name],
      ['SUBJECT', ({ subject }) => subject],
      ['VALID UNTIL', ({ notAfter }) => notAfter],
      ['KEY', ({ hasKey }) => (hasKey ? 'yes' : 'no')],
      ['USED BY', ({ usedBy }) => usedBy.join(', ')],
      ['SHA-256', ({ fingerprint256 }) => fingerprint256],
    ],
    'There are no CAs yet: the first `remora connect` makes one.',
  );

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list all CAs')
    .action(async () => {
      const cas = await (await cli.client()).get<CaView[]>('/cas');
      cli.answer(cas, () => caTable(cas));
    });
  command
    .command('export')
    .description("write a CA's certificate as PEM")
    .argument('<name>')
    .action(async (name: string) => {
      const path = `/cas/${encodeURIComponent(name)}/certificate`;
      const ca = await (await cli.client()).get<{ name: string; certificatePem: string }>(path);
      cli.answer(ca, () => ca.certificatePem.trimEnd());
    });
  addLaterCommands(command, ['create', 'import', 'rotate']);
};
