import { checkRestartRequest, type RestartRequest } from '@remora/shared/model/requests/restart-request.ts';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { addToList } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';

interface RestartFlags extends ChangeFlags {
  readonly limit?: string[];
}

const restart = async (cli: Cli, cluster: string, flags: RestartFlags): Promise<void> => {
  const wish: RestartRequest = {
    cluster,
    ...(flags.limit === undefined ? {} : { nodes: flags.limit }),
    ...(flags.waitOffline === undefined ? {} : { waitOffline: true }),
  };
  checkRestartRequest(wish);
  await planAndCarryOut(cli, { address: '/restarts', wish }, flags);
};

export const register: Register = (command, cli) => {
  command
    .argument('<cluster>', 'the cluster whose nodes are restarted one by one')
    .option('--limit <nodes>', 'only these nodes, separated by commas', addToList);
  addChangeFlags(command);
  command.action((cluster: string, flags: RestartFlags) => restart(cli, cluster, flags));
};
