import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { Command } from 'commander';
import { type GivenFlags, givenOf } from '../certificates/given-certificates.ts';
import { addToList, readJsonObject, wholeNumber } from '../frame/input.ts';

/** What the key of a connection grants, and the remote cluster server that takes it. */
export interface KeyAndServerFlags extends GivenFlags {
  readonly search?: string[];
  readonly replication?: string[];
  readonly access?: string;
  readonly expires?: string;
  readonly metadata?: string;
  readonly ca?: string;
  readonly certValidity?: string;
  readonly san?: string[];
  readonly remoteHost?: string;
  readonly remotePort?: number;
}

/** The same as a request has it. */
export const keyAndServerOf = async (flags: KeyAndServerFlags) =>
  ({
    search: flags.search,
    replication: flags.replication,
    access: flags.access === undefined ? undefined : await readJsonObject(flags.access, '--access'),
    expires: flags.expires,
    metadata: flags.metadata === undefined ? undefined : await readJsonObject(flags.metadata, '--metadata'),
    ca: flags.ca,
    given: givenOf(flags),
    certValidity: flags.certValidity,
    sans: flags.san,
    remoteHost: flags.remoteHost,
    remotePort: flags.remotePort,
  }) satisfies { readonly [K in keyof ConnectRequest]?: ConnectRequest[K] | undefined };

export const addAddressOptions = (command: Command): Command =>
  command
    .option(
      '--seeds <addresses>',
      'HOST:PORT,… of remote nodes (sniff mode; default: their publish addresses)',
      addToList,
    )
    .option('--proxy-address <address>', 'HOST:PORT that leads to the remote cluster (proxy mode)')
    .option('--server-name <name>', 'host name for SNI (proxy mode)');

export const addKeyOptions = (command: Command): Command =>
  command
    .option('--search <patterns>', 'index patterns that may be searched, separated by commas', addToList)
    .option('--replication <patterns>', 'index patterns that may be replicated', addToList)
    .option(
      '--access <file>',
      'JSON file with the `access` object of the cross-cluster API key, instead of the two above',
    )
    .option('--expires <time>', 'life time of the key, like 90d (default: no end)')
    .option('--metadata <file>', 'JSON file with metadata for the key');

export const addServerOptions = (command: Command): Command =>
  command
    .option('--ca <name>', "the CA that signs the remote nodes' certificates (default: one of Remora's own)")
    .option(
      '--cert-validity <time>',
      'how long these are valid, like 90d (default: as long as those that are there, else 365d)',
    )
    .option('--san <name>', "a further name in the remote nodes' certificates", addToList)
    .option('--remote-host <host>', "remote_cluster.host, where none stands in the remote nodes' files")
    .option(
      '--remote-port <port>',
      'remote_cluster.port, where none stands there',
      wholeNumber('--remote-port', 65535),
    );

/** Of commands after which certificates let nobody in over a connection. */
export const addRoleOption = (command: Command): Command =>
  command.option(
    '--remove-roles',
    'remove roles on the remote cluster that Remora made for the connection by certificate and that nobody else uses',
  );
