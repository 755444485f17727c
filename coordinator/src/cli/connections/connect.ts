import { RemoraError } from '@remora/shared/errors.ts';
import { type ConnectRequest, checkConnectRequest, parseMode } from '@remora/shared/model/requests/connect-request.ts';
import type { Command } from 'commander';
import { addGivenFlags, changeWithGiven, type GivenFlags, givenOf } from '../certificates/given-certificates.ts';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { addToList, given } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { certificateRequestOf } from './connect-certificate.ts';
import { addForeignFlags, connectForeign, type ForeignFlags, isForeignConnect } from './connect-foreign.ts';
import {
  addAddressOptions,
  addKeyOptions,
  addServerOptions,
  type KeyAndServerFlags,
  keyAndServerOf,
} from './connection-flags.ts';

export interface ConnectFlags extends KeyAndServerFlags, ForeignFlags {
  readonly alias: string;
  readonly auth: string;
  readonly mode: string;
  readonly seeds?: string[];
  readonly proxyAddress?: string;
  readonly serverName?: string;
  readonly certificateIdentity?: string;
  readonly signingCa?: string;
  readonly signingSubject?: string;
  readonly signingValidity?: string;
  readonly signingFiles?: string;
  readonly signingPassphraseFile?: string;
  readonly signingAccepted?: true;
  readonly skipUnavailable?: boolean;
  readonly set?: Record<string, string>;
  readonly static?: true;
  readonly staticNodes?: string[];
  readonly limit?: string[];
  readonly proxyCa?: string;
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

const refuseBoth = ({ static: all, staticNodes }: ConnectFlags): void => {
  if (all === undefined || staticNodes === undefined) return;
  throw new RemoraError(
    'bad-input',
    '--static is for every local node that connects, --static-nodes for those that it names: give one of them.',
  );
};

/** Certificates that others made, with which the nodes are to sign. */
const signersOf = ({ signingFiles, signingPassphraseFile, signingAccepted }: ConnectFlags): GivenFlags => ({
  ...{ files: signingFiles, passphraseFile: signingPassphraseFile, accepted: signingAccepted },
});

const requestOf = async (local: string, remote: string, flags: ConnectFlags & ChangeFlags): Promise<ConnectRequest> => {
  if (flags.auth !== 'api_key')
    throw new RemoraError('bad-input', `--auth ${flags.auth}: write api_key or certificate.`);
  refuseBoth(flags);
  const request = given<ConnectRequest>({
    local,
    remote,
    alias: flags.alias,
    mode: parseMode(flags.mode),
    seeds: flags.seeds,
    proxyAddress: flags.proxyAddress,
    serverName: flags.serverName,
    ...(await keyAndServerOf(flags)),
    certificateIdentity: flags.certificateIdentity,
    signingCa: flags.signingCa,
    signingSubject: flags.signingSubject,
    signingValidity: flags.signingValidity,
    signingGiven: givenOf(signersOf(flags), 'signing-'),
    skipUnavailable: flags.skipUnavailable,
    set: flags.set,
    staticNodes: flags.staticNodes ?? (flags.static && 'all'),
    nodes: flags.limit,
    proxyCa: flags.proxyCa,
  });
  checkConnectRequest(request);
  return request;
};

const connect = async (cli: Cli, local: string, remote: string, flags: ConnectFlags & ChangeFlags): Promise<void> => {
  if (flags.auth === 'certificate') {
    const wish = certificateRequestOf(local, remote, flags);
    await planAndCarryOut(cli, { address: '/connections/by-certificate', wish }, flags);
    return;
  }
  const wish = await requestOf(local, remote, flags);
  await changeWithGiven(
    cli,
    { address: '/connections', wish },
    [
      { ca: wish.ca ?? '', purpose: 'remote_cluster_server', field: 'given', flags },
      {
        ...{ ca: wish.signingCa ?? '', purpose: 'remote_signing', field: 'signingGiven' },
        ...{ prefix: 'signing-', flags: signersOf(flags) },
      },
    ],
    flags,
  );
};

const addConnectOptions = (command: Command): void => {
  command
    .requiredOption('--alias <alias>', 'how the local cluster shall call the remote one in searches')
    .option('--auth <model>', 'trust model: api_key, or certificate, which is deprecated since 9.0', 'api_key')
    .option('--mode <mode>', 'sniff or proxy', 'sniff');
  addAddressOptions(command);
  addKeyOptions(command)
    .option(
      '--certificate-identity <regex>',
      'requests are signed, and the key demands a certificate whose whole subject matches (9.3 or later)',
    )
    .option('--signing-ca <name>', "the CA of the signing certificates (default: one of Remora's own)")
    .option('--signing-subject <name>', 'their subject, like CN=eu-signer,O=Example (default: one that matches)')
    .option(
      '--signing-validity <time>',
      'how long they are valid (default: as long as those that are there, else 365d)',
    )
    .option(
      '--signing-files <dir>',
      'signing certificates that this CA signed elsewhere, with their keys: NODE.p12, or NODE.crt and NODE.key, of each local node',
    )
    .option(
      '--signing-passphrase-file <file>',
      'passphrase of these keys (default: NODE.password beside them, where it is)',
    )
    .option('--signing-accepted', 'those that `remora certs accept` took, the newest of each node')
    .option('--skip-unavailable <bool>', 'whether searches go on when the remote cluster is away', truth)
    .option('--set <key=value>', 'a further setting of cluster.remote.ALIAS, like transport.compress=true', addSetting);
  command
    .option(
      '--static',
      'the settings of the alias go into elasticsearch.yml of each local node that connects, not into those of the cluster',
    )
    .option('--static-nodes <nodes>', 'the same on these local nodes alone, separated by commas', addToList);
  addServerOptions(command)
    .option(
      '--proxy-ca <name>',
      "of a deployment that connects: the CA of what it connects through, or public (default: that of the remote nodes' certificates)",
    )
    .option('--limit <nodes>', 'change only these nodes, NODE or CLUSTER/NODE, separated by commas', addToList);
};

export const register: Register = (command, cli) => {
  command
    .argument('<local>', 'the cluster that searches')
    .argument('[remote]', 'the cluster that is searched; not with --remote-key-file');
  addConnectOptions(command);
  addGivenFlags(command);
  addForeignFlags(command);
  addChangeFlags(command);
  command.action((local: string, remote: string | undefined, flags: ConnectFlags & ChangeFlags) =>
    isForeignConnect(remote, flags)
      ? connectForeign(cli, local, flags, command.getOptionValueSource('mode') === 'cli')
      : connect(cli, local, remote ?? '', flags),
  );
};
