import { RemoraError } from '@remora/shared/errors.ts';
import type { RoleCheck, RoleList } from '@remora/shared/model/keys/role-view.ts';
import {
  checkRoleApplyRequest,
  checkRoleRemoveRequest,
  type GivenPassword,
  type KeptPassword,
  parseUserName,
  type RoleApplyRequest,
} from '@remora/shared/model/requests/role-request.ts';
import { parseAlias, parseClusterName } from '@remora/shared/model/values/names.ts';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { addToList, given, readSecret } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { checksText, rolesTable } from '../show/roles.ts';

interface ApplyFlags extends ChangeFlags {
  readonly name: string;
  readonly search?: string[];
  readonly replication?: string[];
  readonly followers?: string[];
  readonly localRead?: string[];
  readonly remoteCluster?: string[];
  readonly restricted?: true;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly adopt?: true;
}

/** Sends the password, which is sealed unless it is only checked: the plan names it by its reference. */
const sendPassword = async (
  cli: Cli,
  given: Pick<GivenPassword, 'local' | 'user'>,
  { passwordFile = '', check }: ApplyFlags,
): Promise<KeptPassword> => {
  const password = await readSecret(passwordFile, '--password-file');
  return (await cli.client()).post<KeptPassword>('/roles/passwords', { ...given, password, check: check === true });
};

const apply = async (cli: Cli, local: string, alias: string, flags: ApplyFlags): Promise<void> => {
  const { name, search, replication, followers, localRead, remoteCluster, restricted, adopt } = flags;
  const { user, passwordFile } = flags;
  if (passwordFile !== undefined && user === undefined)
    throw new RemoraError('bad-input', '--password-file is of a user: add --user NAME.');
  const wish = given<RoleApplyRequest>({
    ...{ local, alias, name, search, replication, followers, localRead, remoteCluster, restricted, adopt },
    user: user === undefined ? undefined : { name: user },
  });
  checkRoleApplyRequest(wish);
  if (user === undefined || passwordFile === undefined) return planAndCarryOut(cli, { address: '/roles', wish }, flags);
  const { secret, kept } = await sendPassword(cli, { local, user: parseUserName(user) }, flags);
  const named = { ...wish, user: { name: user, password: secret } };
  await planAndCarryOut(cli, { address: '/roles', wish: named, isKept: kept }, flags);
};

const remove = async (
  cli: Cli,
  local: string,
  alias: string,
  flags: ChangeFlags & { readonly name: string },
): Promise<void> => {
  const wish = { local, alias, name: flags.name };
  checkRoleRemoveRequest(wish);
  await planAndCarryOut(cli, { address: '/roles/removal', wish }, flags);
};

const list = async (cli: Cli, cluster: string | undefined): Promise<void> => {
  const wanted = cluster === undefined ? null : parseClusterName(cluster);
  const { roles, problems } = await (await cli.client()).get<RoleList>('/roles');
  const shown = roles.filter((role) => wanted === null || role.cluster === wanted);
  for (const problem of problems) cli.note(problem);
  cli.answer(shown, () => rolesTable(shown));
};

/** Exit 1 where a role grants what the connection does not give: the command is made for monitoring. */
const check = async (cli: Cli, local: string, alias: string): Promise<void> => {
  const query = new URLSearchParams({ local: parseClusterName(local), alias: parseAlias(alias) });
  const checks = await (await cli.client()).get<RoleCheck[]>(`/roles/check?${query}`);
  cli.answer(checks, () => checksText(checks));
  if (checks.some(({ ok }) => !ok)) cli.exit(1);
};

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list the roles that have to do with connections, who has them, and what became different')
    .option('--cluster <name>', 'only those of this cluster')
    .action((flags: { readonly cluster?: string }) => list(cli, flags.cluster));
  const application = command
    .command('apply')
    .description('make or change a role with which users of a cluster may use a connection, and give it to a user')
    .argument('<local>', 'the cluster that searches')
    .argument('<alias>', 'how it calls the other')
    .requiredOption('--name <role>', 'the role')
    .option('--search <patterns>', 'indices of the remote cluster that may be searched', addToList)
    .option('--replication <patterns>', 'indices of the remote cluster that may be replicated', addToList)
    .option('--followers <patterns>', 'indices here that follow (default: those of --replication)', addToList)
    .option('--local-read <patterns>', 'indices here that may be read too, as users of Kibana need', addToList)
    .option('--remote-cluster <privileges>', 'privileges on the remote cluster itself, like monitor_enrich', addToList)
    .option('--restricted', 'patterns cover system indices too, where the key grants that')
    .option('--user <name>', 'who gets the role, beside those that have it; other roles stay')
    .option('--password-file <file>', 'makes a user that is not there, with this password; - for stdin')
    .option('--adopt', 'take over a role of this name that others made');
  addChangeFlags(application);
  application.action((local: string, alias: string, flags: ApplyFlags) => apply(cli, local, alias, flags));
  command
    .command('check')
    .description('say what roles grant over a connection and its key does not; exits 1 when there is such a role')
    .argument('<local>', 'the cluster that searches')
    .argument('<alias>', 'how it calls the other')
    .action((local: string, alias: string) => check(cli, local, alias));
  const removal = command
    .command('remove')
    .description('remove a role that Remora made, and users that were made for it and have no other')
    .argument('<local>', 'the cluster that searches')
    .argument('<alias>', 'how it calls the other')
    .requiredOption('--name <role>', 'the role');
  addChangeFlags(removal);
  removal.action((local: string, alias: string, flags: ChangeFlags & { readonly name: string }) =>
    remove(cli, local, alias, flags),
  );
};
