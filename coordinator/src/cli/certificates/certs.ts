import { RemoraError } from '@remora/shared/errors.ts';
import type { CertificateList, CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import {
  checkPlaceRequest,
  type PlacedFormat,
  type PlacedPurpose,
  type PlaceRequest,
  placedFormats,
  placedPurposes,
} from '@remora/shared/model/requests/place-request.ts';
import { checkRotateRequest, type RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import { parseClusterName } from '@remora/shared/model/values/names.ts';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { cloudPlaceOf } from '../frame/cloud-place.ts';
import { addToList, given, wholeNumber } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { certificateTable } from '../show/certificates.ts';
import { addExternal } from './certs-external.ts';
import { addIssue } from './certs-issue.ts';
import { addGivenFlags, changeWithGiven, type GivenFlags, givenOf } from './given-certificates.ts';

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

interface PlaceFlags extends ChangeFlags, GivenFlags {
  readonly cluster: string;
  readonly node?: string;
  readonly purpose: PlacedPurpose;
  readonly ca: string;
  readonly san?: string[];
  readonly validity?: string;
  readonly format?: PlacedFormat;
  readonly cloudCluster?: string;
  readonly cloudScope?: string;
}

const placedFormat = (given: string): PlacedFormat => {
  const found = placedFormats.find((format) => format === given);
  if (found !== undefined) return found;
  throw new RemoraError('bad-input', `\`--format ${given}\`: write ${placedFormats.join(' or ')}.`);
};

const placedPurpose = (given: string): PlacedPurpose => {
  const found = placedPurposes.find((purpose) => purpose === given);
  if (found !== undefined) return found;
  throw new RemoraError('bad-input', `\`--purpose ${given}\`: write ${placedPurposes.join(' or ')}.`);
};

const place = async (cli: Cli, flags: PlaceFlags): Promise<void> => {
  const { cluster, node, purpose, ca, san: sans, validity, format } = flags;
  const made = { sans, validity, format, cloud: cloudPlaceOf(flags) };
  const wish = given<PlaceRequest>({ cluster, node, purpose, ca, ...made, given: givenOf(flags) });
  checkPlaceRequest(wish);
  await changeWithGiven(
    cli,
    { address: '/certificates/placement', wish },
    [{ ca, purpose, node, field: 'given', flags }],
    flags,
  );
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
    .description("have ports of a cluster's nodes serve certificates of a CA")
    .requiredOption('--cluster <name>', 'the cluster')
    .requiredOption('--purpose <port>', 'which port: remote_cluster_server, transport or http', placedPurpose)
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
      '--cloud-cluster <id>',
      'transport: each names its node NODE.node.ID.cluster.SCOPE.account too, which trust restrictions look for; with --cloud-scope',
    )
    .option('--cloud-scope <id>', 'the organization or environment of that cluster');
  addGivenFlags(placement);
  addChangeFlags(placement);
  placement.action((flags: PlaceFlags) => place(cli, flags));
  addChangeFlags(rotation);
  rotation.action((flags: RotateFlags) => rotate(cli, flags));
  addIssue(command, cli);
  addExternal(command, cli);
};
