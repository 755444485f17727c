import { RemoraError } from '@remora/shared/errors.ts';
import { type ConnectRequest, checkConnectRequest, parseMode } from '@remora/shared/model/connect-request.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import type { Command } from 'commander';
import type { ApiClient } from './client/api-client.ts';
import { followRun } from './client/follow-run.ts';
import { addChangeFlags, type ChangeFlags, changeOptionsOf } from './frame/change-flags.ts';
import { type Cli, confirmOrRefuse } from './frame/cli.ts';
import { addToList, readJsonObject, wholeNumber } from './frame/input.ts';
import { addLaterOptions } from './frame/later.ts';
import type { Register } from './frame/program.ts';
import { planText } from './show/plan.ts';
import { runSummary, wentWell } from './show/run.ts';

interface ConnectFlags {
  readonly alias: string;
  readonly auth: string;
  readonly mode: string;
  readonly seeds?: string[];
  readonly proxyAddress?: string;
  readonly serverName?: string;
  readonly search?: string[];
  readonly replication?: string[];
  readonly access?: string;
  readonly expires?: string;
  readonly metadata?: string;
  readonly certificateIdentity?: string;
  readonly skipUnavailable?: boolean;
  readonly set?: Record<string, string>;
  readonly ca?: string;
  readonly san?: string[];
  readonly remoteHost?: string;
  readonly remotePort?: number;
}

const truth = (value: string): boolean => {
  if (value === 'true' || value === 'false') return value === 'true';
  throw new RemoraError('bad-input', `--skip-unavailable ${value}: write true or false.`);
};

const addSetting = (pair: string, before: Record<string, string> = {}): Record<string, string> => {
  const at = pair.indexOf('=');
  if (at < 1 || at === pair.length - 1) throw new RemoraError('bad-input', `--set ${pair}: write KEY=VALUE.`);
  return { ...before, [pair.slice(0, at)]: pair.slice(at + 1) };
};

/** Leaves out what was not given: an absent flag keeps its default on the server. */
const given = <T extends object>(values: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;

const requestOf = async (local: string, remote: string, flags: ConnectFlags & ChangeFlags): Promise<ConnectRequest> => {
  if (flags.auth === 'certificate') {
    throw new RemoraError('bad-input', '`--auth certificate` is not supported yet: this release connects by API key.');
  }
  if (flags.auth !== 'api_key') throw new RemoraError('bad-input', `--auth ${flags.auth}: write api_key.`);
  const request = given<ConnectRequest>({
    local,
    remote,
    alias: flags.alias,
    mode: parseMode(flags.mode),
    seeds: flags.seeds,
    proxyAddress: flags.proxyAddress,
    serverName: flags.serverName,
    search: flags.search,
    replication: flags.replication,
    access: flags.access === undefined ? undefined : await readJsonObject(flags.access, '--access'),
    expires: flags.expires,
    metadata: flags.metadata === undefined ? undefined : await readJsonObject(flags.metadata, '--metadata'),
    certificateIdentity: flags.certificateIdentity,
    skipUnavailable: flags.skipUnavailable,
    set: flags.set,
    ca: flags.ca,
    sans: flags.san,
    remoteHost: flags.remoteHost,
    remotePort: flags.remotePort,
  });
  checkConnectRequest(request);
  return request;
};

/** Shows a person what would be done and asks; answers the hash of the plan that was confirmed, null when nobody looked at one. */
const confirmPlan = async (
  cli: Cli,
  client: ApiClient,
  request: ConnectRequest,
  flags: ChangeFlags,
): Promise<string | null> => {
  if (flags.yes && !flags.diff) return null;
  const plan = await client.post<Plan>('/connections/plan', request);
  cli.note(planText(plan, flags.diff ?? false));
  const refusedAnyway = plan.outages.length > 0 && !flags.acceptOutage;
  if (plan.steps.length > 0 && !refusedAnyway) await confirmOrRefuse(cli, 'Carry out this plan?', flags.yes ?? false);
  return plan.hash;
};

const connect = async (cli: Cli, local: string, remote: string, flags: ConnectFlags & ChangeFlags): Promise<void> => {
  const request = await requestOf(local, remote, flags);
  if (!flags.check && !flags.yes && !cli.interactive) await confirmOrRefuse(cli, '', false);
  const client = await cli.client();
  if (flags.check) {
    const plan = await client.post<Plan>('/connections/plan', request);
    cli.answer(plan, () => planText(plan, flags.diff ?? false));
    if (plan.steps.length > 0) cli.exit(2);
    return;
  }
  const planHash = await confirmPlan(cli, client, request, flags);
  const query = planHash === null ? '' : `?${new URLSearchParams({ planHash })}`;
  const started = await client.post<Run>(`/connections${query}`, { ...request, options: changeOptionsOf(flags) });
  const run = flags.detach ? started : await followRun(client, started, await cli.progress());
  cli.answer(run, () => runSummary(run));
  if (!flags.detach && !wentWell(run)) cli.exit(1);
};

const addConnectOptions = (command: Command): Command =>
  command
    .requiredOption('--alias <alias>', 'how the local cluster shall call the remote one in searches')
    .option('--auth <model>', 'trust model', 'api_key')
    .option('--mode <mode>', 'sniff or proxy', 'sniff')
    .option(
      '--seeds <addresses>',
      'HOST:PORT,… of remote nodes (sniff mode; default: their publish addresses)',
      addToList,
    )
    .option('--proxy-address <address>', 'HOST:PORT that leads to the remote cluster (proxy mode)')
    .option('--server-name <name>', 'host name for SNI (proxy mode)')
    .option('--search <patterns>', 'index patterns that may be searched, separated by commas', addToList)
    .option('--replication <patterns>', 'index patterns that may be replicated', addToList)
    .option(
      '--access <file>',
      'JSON file with the `access` object of the cross-cluster API key, instead of the two above',
    )
    .option('--expires <time>', 'life time of the key, like 90d (default: no end)')
    .option('--metadata <file>', 'JSON file with metadata for the key')
    .option('--certificate-identity <regex>', 'what the subject of the local signing certificate must match')
    .option('--skip-unavailable <bool>', 'whether searches go on when the remote cluster is away', truth)
    .option('--set <key=value>', 'a further setting of cluster.remote.ALIAS, like transport.compress=true', addSetting)
    .option('--ca <name>', "the CA that signs the remote nodes' certificates (default: one of Remora's own)")
    .option('--san <name>', "a further name in the remote nodes' certificates", addToList)
    .option('--remote-host <host>', "remote_cluster.host, where none stands in the remote nodes' files")
    .option(
      '--remote-port <port>',
      'remote_cluster.port, where none stands there',
      wholeNumber('--remote-port', 65535),
    );

export const register: Register = (command, cli) => {
  command.argument('<local>', 'the cluster that searches').argument('<remote>', 'the cluster that is searched');
  addConnectOptions(command);
  addChangeFlags(command);
  addLaterOptions(command, ['--remote-key-file <file>', '--remote-ca <file>']);
  command.action((local: string, remote: string, flags: ConnectFlags & ChangeFlags) =>
    connect(cli, local, remote, flags),
  );
};
