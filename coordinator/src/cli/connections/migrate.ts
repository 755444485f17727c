import { RemoraError } from '@remora/shared/errors.ts';
import { checkMigrateRequest, type MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import { addGivenFlags, changeWithGiven } from '../certificates/given-certificates.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { given } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import {
  addAddressOptions,
  addKeyOptions,
  addRoleOption,
  addServerOptions,
  type KeyAndServerFlags,
  keyAndServerOf,
} from './connection-flags.ts';

interface MigrateFlags extends ChangeFlags, KeyAndServerFlags {
  readonly to: string;
  readonly remote?: string;
  readonly seeds?: string[];
  readonly proxyAddress?: string;
  readonly serverName?: string;
  readonly removeTrust?: true;
  readonly removeRoles?: true;
}

const migrate = async (cli: Cli, local: string, alias: string, flags: MigrateFlags): Promise<void> => {
  const { to, remote, seeds, proxyAddress, serverName, removeTrust, removeRoles } = flags;
  if (to !== 'api_key') throw new RemoraError('bad-input', `--to ${to}: connections are migrated to api_key alone.`);
  const wish = given<MigrateRequest>({
    ...{ local, alias, to, remote, seeds, proxyAddress, serverName, removeTrust, removeRoles },
    ...(await keyAndServerOf(flags)),
  });
  checkMigrateRequest(wish);
  const part = { ca: wish.ca ?? '', purpose: 'remote_cluster_server', field: 'given', flags } as const;
  await changeWithGiven(cli, { address: '/connections/migration', wish }, [part], flags);
};

export const register: Register = (command, cli) => {
  command
    .argument('<local>', 'the cluster that searches')
    .argument('<alias>', 'how it calls the remote cluster')
    .requiredOption('--to <model>', 'the trust model that it gets: api_key')
    .option('--remote <cluster>', 'the remote cluster, of a connection that Remora did not make');
  addAddressOptions(command);
  addKeyOptions(command);
  addServerOptions(command);
  addGivenFlags(command);
  command.option(
    '--remove-trust',
    'at the end, take off the trust between the transport ports that the connection alone needed; nodes restart once more',
  );
  addRoleOption(command);
  addChangeFlags(command);
  command.action((local: string, alias: string, flags: MigrateFlags) => migrate(cli, local, alias, flags));
};
