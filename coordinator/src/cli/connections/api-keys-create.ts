import { basename, dirname } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import type { KeyBundle } from '@remora/shared/model/keys/key-bundle.ts';
import { parseMode } from '@remora/shared/model/requests/connect-request.ts';
import {
  checkKeyCreateRequest,
  type HandOutRequest,
  type KeyCreateRequest,
} from '@remora/shared/model/requests/key-create-request.ts';
import type { Command } from 'commander';
import { planAndFollow } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { addToList, given, readInput, readJsonObject, wholeNumber } from '../frame/input.ts';
import { prepareDirectory, writeNew } from '../frame/new-files.ts';

interface CreateFlags extends ChangeFlags {
  readonly for: string;
  readonly out?: string;
  readonly mode: string;
  readonly search?: string[];
  readonly replication?: string[];
  readonly access?: string;
  readonly expires?: string;
  readonly metadata?: string;
  readonly proxyAddress?: string;
  readonly serverName?: string;
  readonly serverCa?: string;
  readonly ca?: string;
  readonly certValidity?: string;
  readonly san?: string[];
  readonly remoteHost?: string;
  readonly remotePort?: number;
}

const serverCaOf = async (flag: string | undefined): Promise<string | null | undefined> => {
  if (flag === undefined) return undefined;
  return flag === 'public' ? null : readInput(flag, '--server-ca');
};

const wishOf = async (remote: string, flags: CreateFlags): Promise<KeyCreateRequest> => {
  const { search, replication, access, expires, metadata, proxyAddress, serverName } = flags;
  const wish = given<KeyCreateRequest>({
    ...{ remote, for: flags.for, mode: parseMode(flags.mode), proxyAddress, serverName },
    ...{ search, replication, expires },
    access: access === undefined ? undefined : await readJsonObject(access, '--access'),
    metadata: metadata === undefined ? undefined : await readJsonObject(metadata, '--metadata'),
    ...{ ca: flags.ca, certValidity: flags.certValidity, sans: flags.san },
    ...{ remoteHost: flags.remoteHost, remotePort: flags.remotePort },
    serverCa: await serverCaOf(flags.serverCa),
  });
  checkKeyCreateRequest(wish);
  return wish;
};

/** The key leaves the coordinator after its run, for this file alone. Given again, the command finds the key that there is and writes it again. */
const create = async (cli: Cli, remote: string, flags: CreateFlags): Promise<void> => {
  const wish = await wishOf(remote, flags);
  const { out } = flags;
  if (out === undefined && !flags.check)
    throw new RemoraError('bad-input', 'The key has to be written somewhere: give --out FILE.');
  if (out === '-')
    throw new RemoraError('bad-input', '--out - is refused: the key goes into a file that only you can read.');
  if (out !== undefined) await prepareDirectory(dirname(out), [basename(out)]);
  const isDone = await planAndFollow(cli, { address: '/api-keys/creation', wish }, flags);
  if (out === undefined || flags.check) return;
  if (!isDone) {
    cli.note(`${out} is not written: give the command again once the key is there.`);
    return;
  }
  const { mode, proxyAddress, serverName, serverCa: caPem } = wish;
  const request = given<HandOutRequest>({ remote, for: wish.for, mode, proxyAddress, serverName, caPem });
  const bundle = await (await cli.client()).post<KeyBundle>('/api-keys/handed-out/bundle', request);
  const content = Buffer.from(`${JSON.stringify(bundle, null, 2)}\n`);
  await writeNew(dirname(out), { name: basename(out), content, secret: true });
  cli.note(
    `${out} holds the key itself: hand it over safely, for \`remora connect LOCAL --alias NAME --remote-key-file\`.`,
  );
};

export const addCreateCommand = (command: Command, cli: Cli): void => {
  const creation = command
    .command('create')
    .description('make a key for a cluster that others run, and the remote cluster server where it is not on')
    .argument('<remote>', 'the cluster that is to be searched')
    .requiredOption('--for <name>', 'who gets it: a name of your choice, which stands in its name and metadata')
    .option('--out <file>', 'a new file for the key, with all that they need; it is a secret')
    .option('--mode <mode>', 'how they connect: sniff or proxy; to a deployment of Elastic Cloud always proxy', 'sniff')
    .option(
      '--proxy-address <address>',
      'HOST:PORT at which they reach the remote cluster (proxy mode; of a deployment its cloud says it)',
    )
    .option('--server-name <name>', 'host name for SNI (proxy mode)')
    .option('--search <patterns>', 'index patterns that may be searched, separated by commas', addToList)
    .option('--replication <patterns>', 'index patterns that may be replicated', addToList)
    .option('--access <file>', 'JSON file with the `access` object of the key, instead of the two above')
    .option('--expires <time>', 'life time of the key, like 90d (default: no end)')
    .option('--metadata <file>', 'JSON file with metadata for the key')
    .option(
      '--server-ca <file>',
      'PEM file with the CA of certificates that Remora did not make, or `public`; it goes into the file of --out',
    )
    .option('--ca <name>', "the CA that signs the nodes' certificates (default: one of Remora's own)")
    .option('--cert-validity <time>', 'how long these are valid, like 90d (default: 365d)')
    .option('--san <name>', "a further name in the nodes' certificates", addToList)
    .option('--remote-host <host>', "remote_cluster.host, where none stands in the nodes' files")
    .option(
      '--remote-port <port>',
      'remote_cluster.port, where none stands there',
      wholeNumber('--remote-port', 65535),
    );
  addChangeFlags(creation);
  creation.action((remote: string, flags: CreateFlags) => create(cli, remote, flags));
};
