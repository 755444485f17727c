import { RemoraError } from '@remora/shared/errors.ts';
import {
  type CloudDeployment,
  checkTrustRestrictionsRemoval,
  checkTrustRestrictionsRequest,
  parseCloudDeployment,
} from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import type { Register } from '../frame/register.ts';

interface SetFlags extends ChangeFlags {
  readonly allow?: string[];
  readonly deployment?: CloudDeployment[];
}

interface RemoveFlags extends ChangeFlags {
  readonly deployment?: CloudDeployment;
}

const set = async (cli: Cli, cluster: string, flags: SetFlags): Promise<void> => {
  const wish = { cluster, allow: flags.allow ?? [], ...(flags.deployment ? { deployments: flags.deployment } : {}) };
  checkTrustRestrictionsRequest(wish);
  await planAndCarryOut(cli, { address: '/trust-restrictions', wish }, flags);
};

/** Another one would go unnoticed in the place of the first. */
const oneDeployment = (text: string, before: CloudDeployment | undefined): CloudDeployment => {
  if (before !== undefined)
    throw new RemoraError('bad-input', '--deployment is given twice: one deployment goes at a time.');
  return parseCloudDeployment(text);
};

const remove = async (cli: Cli, cluster: string, flags: RemoveFlags): Promise<void> => {
  const wish = { cluster, ...(flags.deployment ? { deployment: flags.deployment } : {}) };
  checkTrustRestrictionsRemoval(wish);
  await planAndCarryOut(cli, { address: '/trust-restrictions/removal', wish }, flags);
};

export const register: Register = (command, cli) => {
  const setting = command
    .command('set')
    .description(
      'have the nodes of a cluster let in those alone, on their transport ports, whose certificates have one of these names',
    )
    .argument('<cluster>', 'the cluster')
    .option(
      '--allow <pattern>',
      "name of nodes that are let in beside the cluster's own, like '*.node.ID.cluster.SCOPE.account'; may come again; all that are let in are given each time",
      (pattern: string, before: readonly string[] = []) => [...before, pattern],
    )
    .option(
      '--deployment <cloud/id>',
      'a deployment in Elastic Cloud whose nodes are let in, by their names; then its CA is trusted; may come again',
      (text: string, before: readonly CloudDeployment[] = []) => [...before, parseCloudDeployment(text)],
    );
  addChangeFlags(setting);
  setting.action((cluster: string, flags: SetFlags) => set(cli, cluster, flags));
  const removal = command
    .command('remove')
    .description('have them let in again whoever has a certificate of a CA that they trust')
    .argument('<cluster>', 'the cluster')
    .option(
      '--deployment <cloud/id>',
      'trust this deployment in Elastic Cloud no more, and leave the restrictions',
      oneDeployment,
    );
  addChangeFlags(removal);
  removal.action((cluster: string, flags: RemoveFlags) => remove(cli, cluster, flags));
};
