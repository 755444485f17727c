import {
  type CloudInput,
  type CloudView,
  checkCloudInput,
  type DeploymentView,
} from '@remora/shared/model/clouds/cloud.ts';
import type { Cli } from '../frame/cli.ts';
import { given, readInput, readSecret } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { removeCommand } from '../frame/remove.ts';
import { table } from '../show/table.ts';
import { addCloudChanges } from './cloud-changes.ts';

const addressOf = (name: string): string => `/clouds/${encodeURIComponent(name)}`;

const cloudTable = (clouds: readonly CloudView[]): string =>
  table(
    clouds,
    [
      ['NAME', ({ name }) => name],
      ['URL', ({ url }) => url],
      ['DEPLOYMENTS', ({ deployments, error }) => (deployments === null ? (error ?? '') : String(deployments.length))],
    ],
    'There are no clouds yet: see `remora clouds add --help`.',
  );

const cloudText = (cloud: CloudView): string =>
  [
    cloudTable([cloud]),
    ...(cloud.deployments === null
      ? []
      : [
          table(
            cloud.deployments,
            [
              ['DEPLOYMENT', ({ id }) => id],
              ['NAME', ({ name }) => name],
            ],
            'It has no deployments.',
          ),
        ]),
  ].join('\n');

const deploymentText = (one: DeploymentView): string =>
  [
    `${one.name} (${one.id}), ${one.region}, Elasticsearch ${one.version ?? 'not there yet'}, ${one.healthy ? 'healthy' : 'not healthy'}`,
    `  Elasticsearch  ${one.endpoint ?? 'none yet'}`,
    `  keys of        ${one.keys.join(', ') || 'no remote cluster'}`,
    `  trusts         ${one.trusts.join(', ') || 'nobody outside of Elastic Cloud'}`,
    `  trusted by     ${one.trustedBy.join(', ') || 'no cluster here'}`,
    `  its nodes are  ${one.restriction}`,
  ].join('\n');

interface AddFlags {
  readonly apiKeyFile: string;
  readonly url?: string;
  readonly ca?: string;
}

const add = async (cli: Cli, name: string, flags: AddFlags): Promise<void> => {
  const input = given<CloudInput>({
    url: flags.url,
    apiKey: await readSecret(flags.apiKeyFile, '--api-key-file'),
    caPem: flags.ca === undefined ? undefined : await readInput(flags.ca, '--ca'),
  });
  checkCloudInput(name, input);
  const client = await cli.client();
  await client.put(addressOf(name), input);
  const added = await client.get<CloudView>(addressOf(name));
  cli.answer(added, () => cloudText(added));
};

const deploymentOf = async (cli: Cli, name: string, id: string): Promise<DeploymentView> =>
  (await cli.client()).get<DeploymentView>(`${addressOf(name)}/deployments/${encodeURIComponent(id)}`);

const show = async (cli: Cli, name: string, id: string | undefined): Promise<void> => {
  if (id !== undefined) {
    const found = await deploymentOf(cli, name, id);
    return cli.answer(found, () => deploymentText(found));
  }
  const cloud = await (await cli.client()).get<CloudView>(addressOf(name));
  cli.answer(cloud, () => cloudText(cloud));
};

export const register: Register = (command, cli) => {
  command
    .command('add')
    .description('add an organization in Elastic Cloud, or give a known one another API key; it is asked first')
    .argument('<name>', 'how Remora shall call it')
    .requiredOption('--api-key-file <file>', 'file that holds an API key of Elastic Cloud; - for stdin')
    .option(
      '--url <url>',
      'of an Elastic Cloud Enterprise, or a private address (default: that of Elastic Cloud Hosted)',
    )
    .option('--ca <file>', "PEM file of the CA that signed its certificate (default: the system's CAs)")
    .action((name: string, flags: AddFlags) => add(cli, name, flags));
  command
    .command('list')
    .description('list all clouds')
    .action(async () => {
      const clouds = await (await cli.client()).get<CloudView[]>('/clouds');
      cli.answer(clouds, () => cloudTable(clouds));
    });
  command
    .command('show')
    .description('show a cloud with its deployments, or one of these: its Elasticsearch, keys, whom it trusts')
    .argument('<name>')
    .argument('[deployment]', 'id of a deployment')
    .action((name: string, id: string | undefined) => show(cli, name, id));
  command
    .command('ca')
    .description("write the CA of a deployment's transport ports as PEM, for clusters that are to trust it")
    .argument('<name>')
    .argument('<deployment>', 'id of a deployment')
    .action(async (name: string, id: string) => {
      const { authorities, restriction } = await deploymentOf(cli, name, id);
      cli.answer({ certificatePem: authorities, restriction }, () => authorities.map((pem) => pem.trim()).join('\n'));
    });
  addCloudChanges(command, cli);
  removeCommand(command, cli, 'cloud', addressOf);
};
