import { RemoraError } from '@remora/shared/errors.ts';
import type { ClusterAdded, ClusterView } from '@remora/shared/model/inventory.ts';
import { parseClusterName } from '@remora/shared/model/values/names.ts';
import type { Cli } from '../frame/cli.ts';
import { addToList, readInput, readSecret } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { removeCommand } from '../frame/remove.ts';
import { type Column, table } from '../show/table.ts';

interface AddFlags {
  readonly url?: readonly string[];
  readonly cloud?: string;
  readonly deployment?: string;
  readonly ca?: string;
  readonly user: string;
  readonly passwordFile: string;
  readonly allowPlainHttp?: true;
  readonly createUser?: true;
  readonly adminUser?: string;
  readonly adminPasswordFile?: string;
  readonly alias?: readonly string[];
}

const columns: readonly Column<ClusterView>[] = [
  ['NAME', ({ name }) => name],
  ['HEALTH', ({ health }) => health ?? 'no answer'],
  ['VERSION', ({ version }) => version ?? ''],
  ['LICENCE', ({ license }) => license ?? ''],
  ['NODES', ({ nodes }) => String(nodes ?? '')],
  [
    'URLS',
    ({ urls, error, deployment }) =>
      [error ?? urls.join(' '), ...(deployment ? [`(deployment ${deployment.cloud}/${deployment.id})`] : [])].join(' '),
  ],
];
const show = (clusters: readonly ClusterView[]): string =>
  table(clusters, columns, 'There are no clusters yet: see `remora clusters add --help`.');

/** Who makes the user, where it is to be made. */
const creationOf = async ({ createUser, adminUser, adminPasswordFile, alias, passwordFile }: AddFlags) => {
  if (!createUser) {
    if (adminUser !== undefined || adminPasswordFile !== undefined || alias !== undefined)
      throw new RemoraError(
        'bad-input',
        '--admin-user, --admin-password-file and --alias say how a user is made: add --create-user, or leave them out.',
      );
    return undefined;
  }
  if (adminUser === undefined || adminPasswordFile === undefined)
    throw new RemoraError(
      'bad-input',
      '--create-user needs --admin-user and --admin-password-file of somebody who may make users there.',
    );
  if (adminPasswordFile === '-' && passwordFile === '-')
    throw new RemoraError('bad-input', 'Both passwords are to come from stdin: give one of them as a file.');
  const adminPassword = await readSecret(adminPasswordFile, '--admin-password-file');
  return { adminUser, adminPassword, aliases: alias ?? [] };
};

/** The deployment that a cluster is; undefined of one that is none. */
const deploymentOf = ({ cloud, deployment: id, url }: AddFlags): { cloud: string; id: string } | undefined => {
  if (cloud !== undefined && id !== undefined) return { cloud: parseClusterName(cloud), id };
  if (cloud !== undefined || id !== undefined)
    throw new RemoraError('bad-input', '--cloud and --deployment go together: which deployment of which cloud it is.');
  if (url !== undefined) return undefined;
  throw new RemoraError('bad-input', 'Give --url, or --cloud and --deployment of a deployment in Elastic Cloud.');
};

const add = async (cli: Cli, name: string, flags: AddFlags): Promise<void> => {
  parseClusterName(name);
  const deployment = deploymentOf(flags);
  const creation = await creationOf(flags);
  const added = await (await cli.client()).post<ClusterAdded>('/clusters', {
    name,
    urls: flags.url ?? [],
    caPem: flags.ca === undefined ? null : await readInput(flags.ca, '--ca'),
    user: flags.user,
    password: await readSecret(flags.passwordFile, '--password-file'),
    allowPlainHttp: flags.allowPlainHttp ?? false,
    ...(creation === undefined ? {} : { creation }),
    ...(deployment === undefined ? {} : { deployment }),
  });
  if (added.updated) cli.note(`Cluster ${name} was known: its URLs, CA, user and password are now these.`);
  for (const url of added.unreachable) cli.note(`${url} did not answer now; it is tried when the others do not.`);
  cli.answer(added, () => show([added]));
};

export const register: Register = (command, cli) => {
  command
    .command('add')
    .description(
      'add a cluster, or change URLs, CA, user and password of a known one; it is reached and its user tried first',
    )
    .argument('<name>', 'how Remora shall call it')
    .option('--url <url...>', 'https://HOST:PORT of one or more of its nodes, or of a balancer before them')
    .option('--cloud <name>', 'it is a deployment of this cloud, which says where it is; see `remora clouds list`')
    .option('--deployment <id>', 'id of the deployment; see `remora clouds show`')
    .option('--ca <file>', "PEM file of the CA that signed its HTTPS certificates (default: the system's CAs)")
    .requiredOption('--user <name>', 'user that Remora logs in as')
    .requiredOption('--password-file <file>', 'file that holds the password; - for stdin')
    .option('--allow-plain-http', 'accept http:// beyond loopback: passwords then cross the network unprotected')
    .option('--create-user', 'make the user first, with what Remora needs and nothing more; known: bring it up to date')
    .option('--admin-user <name>', 'with --create-user: who makes it; used for this call, kept nowhere')
    .option('--admin-password-file <file>', 'file that holds their password; - for stdin')
    .option('--alias <names>', 'with --create-user: aliases of connections that begin in this cluster', addToList)
    .action((name: string, flags: AddFlags) => add(cli, name, flags));
  command
    .command('list')
    .description('list all clusters')
    .action(async () => {
      const clusters = await (await cli.client()).get<ClusterView[]>('/clusters');
      cli.answer(clusters, () => show(clusters));
    });
  command
    .command('show')
    .description('show one cluster')
    .argument('<name>')
    .action(async (name: string) => {
      const cluster = await (await cli.client()).get<ClusterView>(`/clusters/${encodeURIComponent(name)}`);
      cli.answer(cluster, () => show([cluster]));
    });
  removeCommand(
    command,
    cli,
    'cluster',
    (name, { leaveKeys }) => `/clusters/${encodeURIComponent(name)}${leaveKeys ? '?leaveKeys=true' : ''}`,
  ).option('--leave-keys', 'keys that were made for others live on, and Remora ends them no more');
};
