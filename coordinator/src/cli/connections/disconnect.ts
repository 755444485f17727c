import { checkDisconnectRequest, type DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { given } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { addRoleOption } from './connection-flags.ts';

interface DisconnectFlags extends ChangeFlags {
  readonly keepTrust?: true;
  readonly keepServer?: true;
  readonly leaveFollowers?: true;
  readonly remoteGone?: true;
  readonly localGone?: true;
  readonly removeRoles?: true;
}

const disconnect = async (cli: Cli, local: string, alias: string, flags: DisconnectFlags): Promise<void> => {
  const { waitOffline, keepTrust, keepServer, leaveFollowers, remoteGone, localGone, removeRoles } = flags;
  const waits = waitOffline === undefined ? undefined : true;
  const wish = given<DisconnectRequest>({
    ...{ local, alias, keepTrust, keepServer, leaveFollowers, remoteGone, localGone, removeRoles },
    waitOffline: waits,
  });
  checkDisconnectRequest(wish);
  await planAndCarryOut(cli, { address: '/connections/removal', wish }, flags);
};

export const register: Register = (command, cli) => {
  command
    .argument('<local>', 'the cluster that searches')
    .argument('<alias>', 'how it calls the remote cluster')
    .option('--keep-trust', 'leave the CA file and its settings on the local nodes, which then need not restart')
    .option('--keep-server', 'leave the remote cluster server on, so that the remote nodes need not restart')
    .option('--leave-followers', 'go on although indices or patterns follow over the alias; they follow no more')
    .option(
      '--remote-gone',
      'the remote cluster is gone for good: take out what the local one has, and forget the rest',
    )
    .option(
      '--local-gone',
      'the local cluster is gone for good: end its key, take out what the remote one has, and forget the rest',
    );
  addRoleOption(command);
  addChangeFlags(command);
  command.action((local: string, alias: string, flags: DisconnectFlags) => disconnect(cli, local, alias, flags));
};
