import type { CoordinatorFlags } from '../../config.ts';
import { readSecret } from '../frame/input.ts';
import { addPlaceFlags } from '../frame/place-flags.ts';
import type { Register } from '../frame/register.ts';

interface RestoreFlags extends CoordinatorFlags {
  readonly passphraseFile: string;
}

export const register: Register = (command, cli) => {
  addPlaceFlags(command.argument('<file>'))
    .requiredOption('--passphrase-file <file>', 'what the back-up was sealed with; - for stdin')
    .addHelpText(
      'after',
      '\nThe data directory must be new, or that of a coordinator whose store was wiped; the Redis of --redis-url must hold no store. No coordinator may run on either.',
    )
    .action(async (file: string, { passphraseFile, ...flags }: RestoreFlags) => {
      const [{ readConfig }, { restore }] = await Promise.all([
        import('../../config.ts'),
        import('../../backup/restore.ts'),
      ]);
      const passphrase = await readSecret(passphraseFile, '--passphrase-file');
      const config = await readConfig(flags);
      const made = await restore(config, file, passphrase);
      const open = made.openRuns.length === 0 ? '' : `\nRuns that go on then: ${made.openRuns.join(', ')}.`;
      cli.answer(
        made,
        () =>
          `Restored store ${made.storeId} as of ${made.createdAt}: ${made.keys} keys. Next: remora coordinator --data-dir ${made.dataDir}${config.redisUrl === null ? '' : ', with the same Redis'}${open}`,
      );
    });
};
