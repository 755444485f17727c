import { RemoraError } from '@remora/shared/errors.ts';
import type { IssuedPurpose } from '@remora/shared/model/certificates/issued-purpose.ts';
import type { GivenCertificates, SigningRequestView } from '@remora/shared/model/certificates/signing-request.ts';
import type { Command } from 'commander';
import { planAndCarryOut } from '../frame/change.ts';
import type { ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { type GivenPrefix, givenFiles } from './given-files.ts';

/** Which certificates that were signed elsewhere are placed. */
export interface GivenFlags {
  readonly files?: string | undefined;
  readonly passphraseFile?: string | undefined;
  readonly accepted?: true | undefined;
}

export const addGivenFlags = (command: Command): Command =>
  command
    .option(
      '--files <dir>',
      'certificates that the CA signed elsewhere, with their keys: NODE.p12, or NODE.crt and NODE.key, of each node',
    )
    .option('--passphrase-file <file>', 'passphrase of these keys (default: NODE.password beside them, where it is)')
    .option('--accepted', 'those that `remora certs accept` took, the newest of each node');

/** What stands in the wish until the files were sent; undefined where others are to be made. Throws `bad-input`. */
export const givenOf = ({ files, passphraseFile, accepted }: GivenFlags, prefix: GivenPrefix = ''): [] | undefined => {
  if (files !== undefined && accepted)
    throw new RemoraError(
      'bad-input',
      `--${prefix}files and --${prefix}accepted both say which certificates: give one.`,
    );
  if (passphraseFile !== undefined && files === undefined)
    throw new RemoraError('bad-input', `--${prefix}passphrase-file is for the keys of --${prefix}files DIR.`);
  return files === undefined && !accepted ? undefined : [];
};

/** Whose certificates they are. */
interface GivenFor {
  readonly ca: string;
  readonly purpose: IssuedPurpose;
  /** The one node that is meant; absent: all. */
  readonly node?: string | undefined;
  /** Of the flags that name them. */
  readonly prefix?: GivenPrefix;
}

/** Certificates of one request, which has to stay below what the coordinator reads. */
const AT_ONCE = 20;

/** Sends the certificates of a directory, which are kept once all of them are checked; answers their ids. */
const give = async (
  cli: Cli,
  { ca, purpose, node, prefix }: GivenFor,
  directory: string,
  passphraseFile: string | undefined,
): Promise<string[]> => {
  const certificates = await givenFiles(directory, { node, passphraseFile, prefix });
  const client = await cli.client();
  const ids: string[] = [];
  for (const check of certificates.length > AT_ONCE ? [true, false] : [false]) {
    for (let from = 0; from < certificates.length; from += AT_ONCE) {
      const some = certificates.slice(from, from + AT_ONCE);
      const body: GivenCertificates = { ca, purpose, certificates: some, ...(check ? { check } : {}) };
      const kept = await client.post<SigningRequestView[]>('/certificates/requests/given', body);
      ids.push(...kept.map(({ id }) => id));
    }
  }
  return ids;
};

/** What was sent is on record, with keys, also where nothing was placed. */
const sayKept = (cli: Cli, { prefix = '' }: GivenFor, ids: readonly string[]): void =>
  cli.note(
    `The certificates of --${prefix}files are kept, with their keys, as ${ids.join(', ')}: \`remora certs forget ID\` drops one.`,
  );

/** Certificates that a wish names, and where it names them. */
export interface GivenPart extends GivenFor {
  readonly field: 'given' | 'signingGiven';
  readonly flags: GivenFlags;
}

/** Plans and carries out a change whose wish may name such certificates: those of `--files` are sent first, and their ids stand in it. */
export const changeWithGiven = async (
  cli: Cli,
  { address, wish }: { readonly address: string; readonly wish: object },
  parts: readonly GivenPart[],
  flags: ChangeFlags,
): Promise<void> => {
  const [part, ...others] = parts;
  if (part === undefined) return planAndCarryOut(cli, { address, wish }, flags);
  const { files, passphraseFile } = part.flags;
  if (files === undefined) return changeWithGiven(cli, { address, wish }, others, flags);
  const ids = await give(cli, part, files, passphraseFile);
  try {
    await changeWithGiven(cli, { address, wish: { ...wish, [part.field]: ids } }, others, flags);
  } catch (error) {
    sayKept(cli, part, ids);
    throw error;
  }
};
