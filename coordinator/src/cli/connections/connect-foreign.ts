import { RemoraError } from '@remora/shared/errors.ts';
import { keyIdIn } from '@remora/shared/model/keys/encoded-key.ts';
import { type KeyBundle, parseKeyBundle } from '@remora/shared/model/keys/key-bundle.ts';
import { parseMode } from '@remora/shared/model/requests/connect-request.ts';
import {
  checkForeignConnectRequest,
  type ForeignConnectRequest,
  type GivenKey,
  givenKeyName,
  type KeptKey,
} from '@remora/shared/model/requests/foreign-connect-request.ts';
import type { Command } from 'commander';
import { planAndCarryOut } from '../frame/change.ts';
import type { ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { given, readInput, readSecret } from '../frame/input.ts';

/** Flags of `connect` that say what others gave, and those of its other flags that go with them. */
export interface ForeignFlags {
  readonly alias: string;
  readonly mode: string;
  readonly seeds?: string[];
  readonly proxyAddress?: string;
  readonly serverName?: string;
  readonly skipUnavailable?: boolean;
  readonly set?: Record<string, string>;
  readonly static?: true;
  readonly staticNodes?: string[];
  readonly remoteKeyFile?: string;
  readonly remoteCa?: string;
  readonly remoteName?: string;
}

export const addForeignFlags = (command: Command): Command =>
  command
    .option(
      '--remote-key-file <file>',
      'instead of REMOTE: a key that those who run the remote cluster made, or the bundle of `remora api-keys create`; - for stdin',
    )
    .option(
      '--remote-ca <file>',
      "PEM file with the CA of the remote cluster's certificates, or `public` (default: what the bundle says)",
    )
    .option('--remote-name <name>', 'how that cluster is called here (default: as in the bundle, else the alias)');

const refuse = (message: string, hint?: string): never => {
  throw new RemoraError('bad-input', message, hint === undefined ? {} : { hint });
};

/** Flags for what is done on a remote cluster that is managed, by the names that commander gives them. */
const ofRemote: Readonly<Record<string, string>> = {
  ...{ search: '--search', replication: '--replication', access: '--access', expires: '--expires' },
  ...{ metadata: '--metadata', certificateIdentity: '--certificate-identity', ca: '--ca', san: '--san' },
  ...{ signingCa: '--signing-ca', signingSubject: '--signing-subject', signingValidity: '--signing-validity' },
  ...{ signingFiles: '--signing-files', signingPassphraseFile: '--signing-passphrase-file' },
  ...{ signingAccepted: '--signing-accepted' },
  ...{ certValidity: '--cert-validity', files: '--files', passphraseFile: '--passphrase-file', accepted: '--accepted' },
  ...{ remoteHost: '--remote-host', remotePort: '--remote-port', limit: '--limit', proxyCa: '--proxy-ca' },
};

/** Whether the command is about a cluster that others run. Throws `bad-input` for flags that do not go together. */
export const isForeignConnect = (remote: string | undefined, flags: ForeignFlags): boolean => {
  const { remoteKeyFile, remoteCa, remoteName } = flags;
  if (remoteKeyFile === undefined) {
    if (remoteCa !== undefined || remoteName !== undefined)
      refuse(`${remoteCa === undefined ? '--remote-name' : '--remote-ca'} belongs to --remote-key-file FILE.`);
    if (remote === undefined)
      refuse('Which cluster is to be reached? Give REMOTE, or --remote-key-file FILE for one that others run.');
    return false;
  }
  if (remote !== undefined)
    refuse(
      `--remote-key-file is for a cluster that others run, and "${remote}" would be one that is managed here: leave one of them out.`,
    );
  if (flags.static !== undefined || flags.staticNodes !== undefined)
    refuse(
      `${flags.static ? '--static' : '--static-nodes'} does not go with --remote-key-file yet: a connection to a cluster that others run is registered in the settings of the cluster. Leave it out.`,
    );
  const other = Object.entries(ofRemote).find(
    ([name]) => (flags as unknown as Record<string, unknown>)[name] !== undefined,
  );
  if (other)
    refuse(
      `${other[1]} is for a remote cluster that is managed here: with --remote-key-file nothing is made or changed there.`,
    );
  return true;
};

/** What the file holds: the key alone, or a bundle. */
const readKey = async (path: string): Promise<{ readonly encoded: string; readonly bundle: KeyBundle | null }> => {
  const text = (await readSecret(path, '--remote-key-file')).trim();
  if (!text.startsWith('{')) {
    keyIdIn(text);
    return { encoded: text, bundle: null };
  }
  const bundle = parseKeyBundle(text, `--remote-key-file ${path}`);
  return { encoded: bundle.key.encoded, bundle };
};

const caOf = async (flag: string | undefined, bundle: KeyBundle | null): Promise<string | null> => {
  if (flag === 'public') return null;
  if (flag !== undefined) return readInput(flag, '--remote-ca');
  return bundle
    ? bundle.ca
    : refuse(
        "Nothing says by which CA the remote cluster's certificates are known.",
        'Give --remote-ca FILE, or --remote-ca public where a public CA signed them.',
      );
};

/** Where the remote cluster is: what the flags say, else what the bundle does. */
const addressOf = (flags: ForeignFlags, isModeGiven: boolean, bundle: KeyBundle | null) => {
  const { seeds, proxyAddress, serverName } = flags;
  const own = { mode: parseMode(flags.mode), seeds, proxyAddress, serverName };
  if (bundle === null || seeds !== undefined || proxyAddress !== undefined) return own;
  if (isModeGiven && own.mode !== bundle.mode) return own;
  return {
    mode: bundle.mode,
    seeds: bundle.seeds.length > 0 ? bundle.seeds : undefined,
    proxyAddress: bundle.proxyAddress ?? undefined,
    serverName: serverName ?? bundle.serverName ?? undefined,
  };
};

/** Seals the key first, unless it is only checked: plan and run name its secret. The same key again is not kept twice. */
export const connectForeign = async (
  cli: Cli,
  local: string,
  flags: ForeignFlags & ChangeFlags,
  isModeGiven: boolean,
): Promise<void> => {
  const { alias, skipUnavailable, set } = flags;
  const { encoded, bundle } = await readKey(flags.remoteKeyFile ?? '');
  const wish = given<Omit<ForeignConnectRequest, 'key'>>({
    ...{ local, alias, skipUnavailable, set },
    name: flags.remoteName ?? bundle?.remote.name ?? alias,
    clusterUuid: bundle?.remote.clusterUuid,
    version: bundle?.remote.version,
    caPem: await caOf(flags.remoteCa, bundle),
    ...addressOf(flags, isModeGiven, bundle),
  });
  const said = given<Pick<ForeignConnectRequest['key'], 'name' | 'expiresAt'>>({
    name: bundle?.key.name,
    expiresAt: bundle?.key.expiresAt ?? undefined,
  });
  checkForeignConnectRequest({ ...wish, key: { secret: `secret:${givenKeyName(wish)}`, id: keyIdIn(encoded) } });
  const sent: GivenKey = { local, alias, key: encoded, check: flags.check ?? false };
  const { kept, ...key } = await (await cli.client()).post<KeptKey>('/connections/foreign/keys', sent);
  const named = { ...wish, key: { ...key, ...said } };
  await planAndCarryOut(cli, { address: '/connections/foreign', wish: named, isKept: kept }, flags);
};
