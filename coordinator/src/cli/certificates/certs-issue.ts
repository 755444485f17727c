import { RemoraError } from '@remora/shared/errors.ts';
import {
  type CertificateFiles,
  type CertificateInstance,
  certificateFormats,
  type FileForm,
  type IssuePreview,
  type IssueWish,
} from '@remora/shared/model/certificates/issue-request.ts';
import { type IssuedPurpose, issuedPurposes } from '@remora/shared/model/certificates/issued-purpose.ts';
import { cloudNodeName } from '@remora/shared/model/clouds/cloud-name.ts';
import { parseCaName } from '@remora/shared/model/values/names.ts';
import type { Command } from 'commander';
import type { ApiClient } from '../client/api-client.ts';
import type { Cli } from '../frame/cli.ts';
import { cloudPlaceOf } from '../frame/cloud-place.ts';
import { given, readInput, readSecret } from '../frame/input.ts';
import { type NewFile, prepareDirectory, writeNew } from '../frame/new-files.ts';
import { parseInstances } from '../instances.ts';
import { table } from '../show/table.ts';

/** Certificates of one request: while its keys are made, nothing is heard of it. */
export const AT_ONCE = 8;

const refuse = (message: string, hint = ''): never => {
  throw new RemoraError('bad-input', message, hint === '' ? {} : { hint });
};

const oneOf =
  <T extends string>(flag: string, values: readonly T[]) =>
  (value: string): T =>
    values.find((one) => one === value) ?? refuse(`${flag} ${value}: write ${values.join(' or ')}.`);

const bitsOf = (value: string): 2048 | 3072 | 4096 => {
  const bits = ([2048, 3072, 4096] as const).find((one) => String(one) === value);
  return bits ?? refuse(`--bits ${value}: a certificate's RSA key has 2048, 3072 or 4096 bits.`);
};

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** Flags that say for whom certificates are. */
export interface InstanceFlags {
  readonly ca: string;
  readonly purpose: IssuedPurpose;
  readonly name?: string;
  readonly cn?: string;
  readonly san?: string[];
  readonly instances?: string;
  readonly bits?: 2048 | 3072 | 4096;
  readonly cloudCluster?: string;
  readonly cloudScope?: string;
}

export const addInstanceFlags = (command: Command): Command =>
  command
    .requiredOption('--ca <name>', 'the CA that signs')
    .requiredOption(
      '--purpose <purpose>',
      `what they are for: ${issuedPurposes.join(', ')}`,
      oneOf('--purpose', issuedPurposes),
    )
    .option('--name <name>', 'of one certificate: what its files are called, and its common name without --cn')
    .option('--cn <text>', 'common name of that certificate')
    .option(
      '--san <name>',
      'host name, *.name or IP address that it is for; may come again; with --instances for each of them',
      collect,
    )
    .option('--instances <file>', 'many at once, in the format of `elasticsearch-certutil --in`; - for stdin')
    .option('--bits <bits>', 'length of the RSA keys, 2048, 3072 or 4096 (default: 2048)', bitsOf)
    .option(
      '--cloud-cluster <id>',
      'common name and otherName NAME.node.ID.cluster.SCOPE.account, as Elastic Cloud trusts nodes; with --cloud-scope',
    )
    .option('--cloud-scope <id>', 'the organization or environment of that cluster');

const standing = async (flags: InstanceFlags): Promise<CertificateInstance[]> => {
  const { name, cn: commonName, san: sans = [], instances } = flags;
  if (instances === undefined) {
    if (name === undefined) return refuse('Nothing says what the certificate is called: give --name, or --instances.');
    return [{ name, sans, ...(commonName === undefined ? {} : { commonName }) }];
  }
  if (name !== undefined || commonName !== undefined)
    return refuse('--instances brings names of its own: leave out --name and --cn.');
  const read = parseInstances(await readInput(instances, '--instances'), `--instances ${instances}`);
  return read.map((one) => ({ ...one, sans: [...one.sans, ...sans] }));
};

/** The certificates that the flags ask for; throws `bad-input`. */
export const instancesOf = async (flags: InstanceFlags): Promise<CertificateInstance[]> => {
  const cloud = cloudPlaceOf(flags);
  if (flags.cn !== undefined && flags.cloudCluster !== undefined)
    return refuse('--cloud-cluster makes the common name: leave out --cn.');
  const wanted = (await standing(flags)).map((one) => {
    if (cloud === undefined) return one;
    const cloudName = cloudNodeName(one.name, cloud);
    return { ...one, commonName: cloudName, otherNames: [...(one.otherNames ?? []), cloudName] };
  });
  const odd = wanted.find(({ name }) => name === 'ca' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name));
  if (odd?.name === 'ca')
    return refuse('"ca" cannot be the name of a certificate: ca.crt is the certificate of the CA.');
  if (odd) return refuse(`"${odd.name}" cannot be the name of files: use letters, digits, ".", "-" and "_".`);
  return wanted;
};

/** Flags that say what the files look like. */
export interface FormFlags {
  readonly format?: FileForm['format'];
  readonly legacyEncryption?: true;
  readonly encryptKey?: true;
  readonly passwordFile?: string;
}

export const addFormFlags = (command: Command): Command =>
  command
    .option(
      '--format <format>',
      'p12, or pem for certificate and key (default: p12)',
      oneOf('--format', certificateFormats),
    )
    .option('--legacy-encryption', 'PKCS#12 as Java before 8u301 reads it: SHA-1 and 3DES')
    .option('--encrypt-key', 'encrypt the key of --format pem')
    .option('--password-file <file>', 'password of all files; - for stdin (default: a new one each, in NAME.password)');

export const formOf = async (flags: FormFlags): Promise<FileForm> => {
  const { format = 'p12', legacyEncryption, encryptKey, passwordFile } = flags;
  if (format === 'pem' && legacyEncryption)
    return refuse('--legacy-encryption is for PKCS#12: leave out --format pem.');
  if (format === 'p12' && encryptKey)
    return refuse('--encrypt-key is for --format pem: the key of a PKCS#12 file always is.');
  if (format === 'pem' && passwordFile !== undefined && !encryptKey)
    return refuse('--password-file has nothing to encrypt: add --encrypt-key.');
  const password = passwordFile === undefined ? undefined : await readSecret(passwordFile, '--password-file');
  return given<FileForm>({ format, legacyEncryption, encryptKey, password });
};

/** Names that the files of these certificates will have. */
export const fileNames = (names: readonly string[], form: FileForm): string[] => {
  const hasPassword = form.password === undefined && (form.format === 'p12' || form.encryptKey);
  const ends = [...(form.format === 'p12' ? ['.p12'] : ['.crt', '.key']), ...(hasPassword ? ['.password'] : [])];
  return names.flatMap((name) => ends.map((end) => `${name}${end}`));
};

export interface Written extends Omit<CertificateFiles, 'files'> {
  /** Paths. */
  readonly files: readonly string[];
}

export const writeFiles = async (directory: string, { files, ...facts }: CertificateFiles): Promise<Written> => {
  const paths: string[] = [];
  for (const { name, content, secret } of files)
    paths.push(await writeNew(directory, { name, content: Buffer.from(content, 'base64'), secret }));
  return { ...facts, files: paths };
};

/** The CA's certificate, which whoever dials the nodes has to trust. */
const caFile = async (client: ApiClient, ca: string): Promise<NewFile> => {
  const path = `/cas/${encodeURIComponent(ca)}/certificate`;
  const { certificatePem } = await client.get<{ certificatePem: string }>(path);
  return { name: 'ca.crt', content: Buffer.from(certificatePem), secret: false };
};

export const writtenTable = (written: readonly Written[]): string =>
  table(
    written,
    [
      ['NAME', ({ name }) => name],
      ['SUBJECT', ({ subject }) => subject],
      ['NAMES', ({ sans }) => sans.join(', ')],
      ['VALID UNTIL', ({ notAfter }) => notAfter],
      ['FILES', ({ files }) => files.join(', ')],
    ],
    'Nothing was written.',
  );

interface IssueFlags extends InstanceFlags, FormFlags {
  readonly validity?: string;
  readonly out: string;
}

const issue = async (cli: Cli, flags: IssueFlags): Promise<void> => {
  const { ca, purpose, validity, bits: keyBits, out } = flags;
  parseCaName(ca);
  const instances = await instancesOf(flags);
  const form = await formOf(flags);
  const wish = given<IssueWish>({ ca, purpose, validity, keyBits, instances });
  const client = await cli.client();
  const { notAfter, shortened } = await client.post<IssuePreview>('/certificates/issue/preview', wish);
  await prepareDirectory(out, [
    ...fileNames(
      instances.map(({ name }) => name),
      form,
    ),
    'ca.crt',
  ]);
  if (shortened) cli.note(`They end at ${notAfter}, since the CA ${ca} ends then.`);
  const written: Written[] = [];
  for (let at = 0; at < instances.length; at += AT_ONCE) {
    const some = { ...wish, ...form, instances: instances.slice(at, at + AT_ONCE) };
    for (const made of await client.post<CertificateFiles[]>('/certificates/issue', some))
      written.push(await writeFiles(out, made));
    if (instances.length > AT_ONCE) cli.note(`${written.length} of ${instances.length} certificates`);
  }
  await writeNew(out, await caFile(client, ca));
  cli.answer(written, () => writtenTable(written));
};

export const addIssue = (command: Command, cli: Cli): void => {
  const issuing = command
    .command('issue')
    .description('make keys and certificates of a CA as files, for whoever places them; Remora keeps none of them');
  addFormFlags(addInstanceFlags(issuing))
    .option('--validity <time>', 'how long they are valid, like 90d or 12h (default: 365d)')
    .requiredOption('--out <dir>', 'directory for the files, and ca.crt; nothing in it is overwritten')
    .action((flags: IssueFlags) => issue(cli, flags));
};
