import { type AdoptRequest, checkAdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { given } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';

interface AdoptFlags extends ChangeFlags {
  readonly remote?: string;
  readonly ca?: string;
  readonly revokeOld?: true;
}

const adopt = async (cli: Cli, local: string, alias: string, flags: AdoptFlags): Promise<void> => {
  const { remote, ca, revokeOld } = flags;
  const wish = given<AdoptRequest>({ local, alias, remote, ca, revokeOld });
  checkAdoptRequest(wish);
  await planAndCarryOut(cli, { address: '/connections/adoption', wish }, flags);
};

export const register: Register = (command, cli) => {
  command
    .argument('<local>', 'the cluster that searches')
    .argument('<alias>', 'how it calls the remote cluster')
    .option('--remote <name>', 'the remote cluster (default: the one that knows the key which the nodes use)')
    .option('--ca <name>', 'the CA that the certificates of the remote cluster lead to, or how it is to be called')
    .option(
      '--revoke-old',
      'invalidate the key that the nodes had, once every node has proven the new one (default: it stays, as others may use it)',
    );
  addChangeFlags(command);
  command.action((local: string, alias: string, flags: AdoptFlags) => adopt(cli, local, alias, flags));
};
