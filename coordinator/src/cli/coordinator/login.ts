import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { NodeView } from '@remora/shared/model/inventory.ts';
import { createApiClient } from '../client/api-client.ts';
import { type LoginFile, loginFilePath, readClientSettings } from '../client/settings.ts';
import type { Cli } from '../frame/cli.ts';
import type { Register } from '../frame/register.ts';

interface LoginFlags {
  readonly url: string;
  readonly tokenFile: string;
  readonly ca?: string;
}

/** Tries the login before it is kept. */
const login = async (cli: Cli, flags: LoginFlags): Promise<void> => {
  const kept: LoginFile = {
    url: flags.url,
    tokenFile: resolve(flags.tokenFile),
    caFile: flags.ca === undefined ? null : resolve(flags.ca),
  };
  const settings = await readClientSettings({
    REMORA_URL: kept.url,
    REMORA_TOKEN_FILE: kept.tokenFile,
    ...(kept.caFile === null ? {} : { REMORA_CA: kept.caFile }),
  });
  await createApiClient(settings).get<NodeView[]>('/nodes');
  const path = loginFilePath();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  cli.answer({ ...kept, file: path }, () => `Logged in to ${kept.url}; kept in ${path}.`);
};

export const register: Register = (command, cli) => {
  command
    .requiredOption('--url <url>', 'https://HOST:PORT of the coordinator')
    .requiredOption('--token-file <file>', "file that holds the token, like the coordinator's admin.token")
    .option('--ca <file>', "the coordinator's fleet-ca.crt (default: the system's CAs)")
    .addHelpText(
      'after',
      '\nKeeps the address and the paths, never the token. REMORA_URL, REMORA_TOKEN, REMORA_TOKEN_FILE and REMORA_CA win over it.',
    )
    .action((flags: LoginFlags) => login(cli, flags));
};
