import { RemoraError } from '@remora/shared/errors.ts';
import { type ConnectRequest, checkConnectRequest, parseMode } from '@remora/shared/model/connect-request.ts';
import type { Command } from 'commander';
import { addChangeFlags, type ChangeFlags } from './frame/change-flags.ts';
import type { Cli } from './frame/cli.ts';
import { addToList, given, readJsonObject, wholeNumber } from './frame/input.ts';
import { addLaterOptions } from './frame/later.ts';
import type { Register } from './frame/register.ts';
import { addGivenFlags, changeWithGiven, type GivenFlags, givenOf } from './given-certificates.ts';

interface ConnectFlags extends GivenFlags {
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
  readonly certValidity?: string;
  readonly san?: string[];
  readonly remoteHost?: string;
  readonly remotePort?: number;
  readonly limit?: string[];
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
    given: givenOf(flags),
    certValidity: flags.certValidity,
    sans: flags.san,
    remoteHost: flags.remoteHost,
    remotePort: flags.remotePort,
    nodes: flags.limit,
  });
  checkConnectRequest(request);
  return request;
};

const connect = async (cli: Cli, local: string, remote: string, flags: ConnectFlags & ChangeFlags): Promise<void> => {
  const wish = await requestOf(local, remote, flags);
  const whose = { ca: wish.ca ?? '', purpose: 'remote_cluster_server' } as const;
  await changeWithGiven(cli, { address: '/connections', wish }, whose, flags);
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
    .option(
      '--cert-validity <time>',
      'how long these are valid, like 90d (default: as long as those that are there, else 365d)',
    )
    .option('--san <name>', "a further name in the remote nodes' certificates", addToList)
    .option('--remote-host <host>', "remote_cluster.host, where none stands in the remote nodes' files")
    .option('--remote-port <port>', 'remote_cluster.port, where none stands there', wholeNumber('--remote-port', 65535))
    .option('--limit <nodes>', 'change only these nodes, NODE or CLUSTER/NODE, separated by commas', addToList);

export const register: Register = (command, cli) => {
  command.argument('<local>', 'the cluster that searches').argument('<remote>', 'the cluster that is searched');
  addConnectOptions(command);
  addGivenFlags(command);
  addChangeFlags(command);
  addLaterOptions(command, ['--remote-key-file <file>', '--remote-ca <file>']);
  command.action((local: string, remote: string, flags: ConnectFlags & ChangeFlags) =>
    connect(cli, local, remote, flags),
  );
};
