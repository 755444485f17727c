import type { CoordinatorFlags } from '../../config.ts';
import { readSecret } from '../frame/input.ts';
import { addPlaceFlags } from '../frame/place-flags.ts';
import type { Register } from '../frame/register.ts';

interface BackupFlags extends CoordinatorFlags {
  readonly out: string;
  readonly passphraseFile: string;
}

export const register: Register = (command, cli) => {
  addPlaceFlags(command)
    .requiredOption('--out <file>', 'where to write it; must not be there yet')
    .requiredOption('--passphrase-file <file>', 'what seals the back-up; - for stdin')
    .addHelpText(
      'after',
      '\nRun it where the coordinator runs, as its user. The coordinator may go on meanwhile.\nThe file holds the store, the fleet CA, the sealing key and the admin token.',
    )
    .action(async ({ out, passphraseFile, ...flags }: BackupFlags) => {
      const [{ readConfig }, { backUp }] = await Promise.all([
        import('../../config.ts'),
        import('../../backup/back-up.ts'),
      ]);
      const passphrase = await readSecret(passphraseFile, '--passphrase-file');
      const made = await backUp(await readConfig(flags), out, passphrase);
      cli.answer(
        made,
        () =>
          `Backed up store ${made.storeId}: ${made.keys} keys, ${made.runs} runs, ${(made.bytes / 1e6).toFixed(1)} MB in ${made.file}.`,
      );
    });
};
