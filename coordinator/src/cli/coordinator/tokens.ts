import { parseDuration } from '@remora/shared/model/values/duration.ts';
import { parseClusterName } from '@remora/shared/model/values/names.ts';
import { wholeNumber } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';

interface CreateFlags {
  readonly cluster: string;
  readonly ttl: string;
  readonly uses: number;
}

export const register: Register = (command, cli) => {
  command
    .command('create')
    .description('make a token that lets agents of one cluster join')
    .requiredOption('--cluster <name>', 'the cluster whose nodes shall join')
    .option('--ttl <time>', 'how long it can be used', '1h')
    .option('--uses <count>', 'how many agents may join with it', wholeNumber('--uses', 10_000), 1)
    .action(async ({ cluster, ttl, uses }: CreateFlags) => {
      parseClusterName(cluster);
      parseDuration(ttl);
      const client = await cli.client();
      const made = await client.post<{ token: string; expiresAt: string }>('/tokens', { cluster, ttl, uses });
      cli.answer(made, () => made.token);
      cli.note(`The token can be used until ${made.expiresAt}: remora agent join --token-file FILE …`);
    });
};
