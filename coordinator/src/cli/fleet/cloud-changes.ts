import { RemoraError } from '@remora/shared/errors.ts';
import {
  type CloudChangeRequest,
  checkCloudChangeRequest,
  type WantedTrust,
} from '@remora/shared/model/clouds/cloud-change.ts';
import type { Command } from 'commander';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { addToList, given } from '../frame/input.ts';

const ADDRESS = '/cloud-deployments';

const carryOut = async (cli: Cli, wish: CloudChangeRequest, flags: ChangeFlags): Promise<void> => {
  checkCloudChangeRequest(wish);
  await planAndCarryOut(cli, { address: ADDRESS, wish }, flags);
};

const refuse = (message: string): never => {
  throw new RemoraError('bad-input', message);
};

interface KeyFlags extends ChangeFlags {
  readonly secret?: string;
  readonly remove?: true;
}

interface TrustFlags extends ChangeFlags {
  readonly ca?: string;
  readonly scope?: string;
  readonly clusters?: string[];
  readonly nodes?: string[];
  readonly remove?: true;
}

const secretOf = ({ secret, remove }: KeyFlags): string | null => {
  if (remove) return secret === undefined ? null : refuse('--secret and --remove do not go together.');
  return secret ?? refuse('Give the secret that holds the key with --secret, or --remove.');
};

const wantedOf = ({ ca, scope, clusters, nodes, remove }: TrustFlags): WantedTrust | null => {
  const more = given<Omit<WantedTrust, 'ca'>>({ scope, clusters, nodes });
  if (remove) return ca === undefined && Object.keys(more).length === 0 ? null : refuse('--remove goes alone.');
  return { ...more, ca: ca ?? refuse('Give the CA that is trusted with --ca, or --remove.') };
};

export const addCloudChanges = (command: Command, cli: Cli): void => {
  const key = command
    .command('key')
    .description('put the key of a remote cluster into the keystore of a deployment, or take it out')
    .argument('<name>', 'the cloud')
    .argument('<deployment>', 'id of the deployment that connects to the remote cluster')
    .argument('<alias>', 'how it calls the remote cluster; lower case')
    .option('--secret <name>', 'secret that holds the encoded cross-cluster API key; see `remora secrets set`')
    .option('--remove', 'take it out');
  addChangeFlags(key);
  key.action((cloud: string, deployment: string, alias: string, flags: KeyFlags) =>
    carryOut(cli, { cloud, deployment, key: { alias, secret: secretOf(flags) } }, flags),
  );
  const trust = command
    .command('trust')
    .description(
      'have a deployment trust a CA: of nodes by their names, or of what stands before clusters that take API keys',
    )
    .argument('<name>', 'the cloud')
    .argument('<deployment>', 'id of the deployment')
    .argument('<trust>', 'how the trust is called; others stay as they are')
    .option('--ca <name>', 'the CA; see `remora ca list`')
    .option('--scope <id>', 'nodes of this scope, named NODE.node.CLUSTER.cluster.SCOPE.account')
    .option('--clusters <ids>', 'of these clusters of the scope alone', addToList)
    .option('--nodes <names>', 'nodes with names of another form, each whole', addToList)
    .option('--remove', 'trust it no more');
  addChangeFlags(trust);
  trust.action((cloud: string, deployment: string, name: string, flags: TrustFlags) =>
    carryOut(cli, { cloud, deployment, trust: { name, wanted: wantedOf(flags) } }, flags),
  );
};
