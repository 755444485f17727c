import { RemoraError } from '@remora/shared/errors.ts';
import type { CertificateList, CertificateView } from '@remora/shared/model/certificate-view.ts';
import { parseDuration } from '@remora/shared/model/duration.ts';
import { parseClusterName } from '@remora/shared/model/names.ts';
import {
  checkPlaceRequest,
  type PlacedFormat,
  type PlacedPurpose,
  type PlaceRequest,
  placedFormats,
  placedPurposes,
} from '@remora/shared/model/place-request.ts';
import { checkRotateRequest, type RotateRequest } from '@remora/shared/model/rotate-request.ts';
import type { GivenCertificates, SigningRequestView } from '@remora/shared/model/signing-request.ts';
import { addExternal } from './certs-external.ts';
import { addIssue } from './certs-issue.ts';
import { planAndCarryOut } from './frame/change.ts';
import { addChangeFlags, type ChangeFlags } from './frame/change-flags.ts';
import type { Cli } from './frame/cli.ts';
import { addToList, given, wholeNumber } from './frame/input.ts';
import type { Register } from './frame/register.ts';
import { givenFiles } from './given-files.ts';
import { certificateTable } from './show/certificates.ts';

interface ListFlags {
  readonly expiring?: string;
  readonly cluster?: string;
}

const isWanted = ({ expiring, cluster }: ListFlags): ((one: CertificateView) => boolean) => {
  const before = expiring === undefined ? Number.POSITIVE_INFINITY : Date.now() + parseDuration(expiring);
  const wanted = cluster === undefined ? null : parseClusterName(cluster);
  return ({ notAfter, cluster: of }) => Date.parse(notAfter) <= before && (wanted === null || of === wanted);
};

const list = async (cli: Cli, flags: ListFlags): Promise<void> => {
  const wanted = isWanted(flags);
  const { certificates, problems } = await (await cli.client()).get<CertificateList>('/certificates');
  const shown = certificates.filter(wanted);
  for (const problem of problems) cli.note(problem);
  cli.answer(shown, () => certificateTable(shown, certificates.length));
};

interface RotateFlags extends ChangeFlags {
  readonly cluster?: string;
  readonly node?: string;
  readonly expiring?: string;
  readonly due?: true;
  readonly all?: true;
  readonly days?: number;
  readonly validity?: string;
  readonly newPassword?: true;
}

const rotate = async (cli: Cli, flags: RotateFlags): Promise<void> => {
  const { cluster, node, expiring, due, all, days, newPassword } = flags;
  if (days !== undefined && flags.validity !== undefined)
    throw new RemoraError('bad-input', '--days and --validity both say how long the new ones are valid: give one.');
  const validity = days === undefined ? flags.validity : `${days}d`;
  const wish = given<RotateRequest>({ cluster, node, expiring, due, all, validity, newPassword });
  checkRotateRequest(wish);
  await planAndCarryOut(cli, { address: '/certificates/rotation', wish }, flags);
};

interface PlaceFlags extends ChangeFlags {
  readonly cluster: string;
  readonly node?: string;
  readonly purpose: PlacedPurpose;
  readonly ca: string;
  readonly san?: string[];
  readonly validity?: string;
  readonly format?: PlacedFormat;
  readonly files?: string;
  readonly passphraseFile?: string;
  readonly accepted?: true;
}

const placedFormat = (given: string): PlacedFormat => {
  const found = placedFormats.find((format) => format === given);
  if (found !== undefined) return found;
  throw new RemoraError('bad-input', `\`--format ${given}\`: write ${placedFormats.join(' or ')}.`);
};

const placedPurpose = (given: string): PlacedPurpose => {
  const found = placedPurposes.find((purpose) => purpose === given);
  if (found !== undefined) return found;
  throw new RemoraError(
    'bad-input',
    given === 'remote_cluster_server'
      ? 'Certificates for the remote cluster port are placed by `remora connect`.'
      : `\`--purpose ${given}\`: write ${placedPurposes.join(' or ')}.`,
  );
};

/** Certificates of one request, which has to stay below what the coordinator reads. */
const AT_ONCE = 20;

/** Sends the certificates of a directory, which are kept once all of them are checked; answers their ids. */
const give = async (
  cli: Cli,
  { ca, purpose, node, passphraseFile, accepted }: PlaceFlags,
  directory: string,
): Promise<string[]> => {
  if (accepted) throw new RemoraError('bad-input', '--files and --accepted both say which certificates: give one.');
  const certificates = await givenFiles(directory, { node, passphraseFile });
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
const sayKept = (cli: Cli, ids: readonly string[]): void =>
  cli.note(
    `The certificates of --files are kept, with their keys, as ${ids.join(', ')}: \`remora certs forget ID\` drops one.`,
  );

const place = async (cli: Cli, flags: PlaceFlags): Promise<void> => {
  const { cluster, node, purpose, ca, san: sans, validity, format } = flags;
  const wish = given<PlaceRequest>({ cluster, node, purpose, ca, sans, validity, format, given: [] });
  if (flags.files === undefined && !flags.accepted) delete wish.given;
  checkPlaceRequest(wish);
  if (flags.passphraseFile !== undefined && flags.files === undefined)
    throw new RemoraError('bad-input', '--passphrase-file is for the keys of --files DIR.');
  if (flags.files !== undefined) wish.given = await give(cli, flags, flags.files);
  try {
    await planAndCarryOut(cli, { address: '/certificates/placement', wish }, flags);
  } catch (error) {
    if (flags.files !== undefined) sayKept(cli, wish.given ?? []);
    throw error;
  }
};

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list the certificates of all nodes, the one that ends next first')
    .option('--expiring <time>', 'only those that end within this time, like 30d, or have ended')
    .option('--cluster <name>', 'only those of this cluster')
    .action((flags: ListFlags) => list(cli, flags));
  const rotation = command
    .command('rotate')
    .description(
      'replace certificates that Remora made, without a restart; one that is not served or trusted is taken back',
    )
    .option('--cluster <name>', 'those of this cluster')
    .option('--node <name>', 'that of this node; with --cluster where several clusters have such a node')
    .option('--expiring <time>', 'those that end within this time, like 30d')
    .option('--due', 'those of which two thirds of their life are over')
    .option('--all', 'all that Remora made')
    .option('--validity <time>', 'how long the new ones are valid, like 90d or 12h (default: as long as the old ones)')
    .option('--days <days>', 'the same in days', wholeNumber('--days', 36_500))
    .option(
      '--new-password',
      'with new passwords of their PKCS#12 files: restarts each node, behind the gates of a roll',
    );
  const placement = command
    .command('place')
    .description("have the transport or HTTP ports of a cluster's nodes serve certificates of a CA")
    .requiredOption('--cluster <name>', 'the cluster')
    .requiredOption('--purpose <port>', 'which port: transport or http', placedPurpose)
    .requiredOption('--ca <name>', 'the CA that signs them; see `remora ca list`')
    .option('--node <name>', 'of this node alone (default: of all)')
    .option('--san <names>', 'names and addresses that they cover beside those of the node', addToList)
    .option('--validity <time>', 'how long they are valid, like 90d (default: as long as those before, or 365d)');
  placement.option(
    '--format <format>',
    'pkcs12 for a file of its own; pem for the PEM files that elasticsearch.yml names (default: what the port has)',
    placedFormat,
  );
  placement
    .option(
      '--files <dir>',
      'certificates that the CA signed elsewhere, with their keys: NODE.p12, or NODE.crt and NODE.key, of each node',
    )
    .option('--passphrase-file <file>', 'passphrase of these keys (default: NODE.password beside them, where it is)')
    .option('--accepted', 'those that `remora certs accept` took, the newest of each node');
  addChangeFlags(placement);
  placement.action((flags: PlaceFlags) => place(cli, flags));
  addChangeFlags(rotation);
  rotation.action((flags: RotateFlags) => rotate(cli, flags));
  addIssue(command, cli);
  addExternal(command, cli);
};
