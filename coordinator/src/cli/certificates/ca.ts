import { RemoraError } from '@remora/shared/errors.ts';
import { type CaRotateRequest, checkCaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import { parseCaName } from '@remora/shared/model/values/names.ts';
import { isPkcs12 } from '@remora/shared/pkcs12-header.ts';
import type { Command } from 'commander';
import type { CaView } from '../../http/schemas/ca-view.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { addToList, given, readBytes, readSecret, wholeNumber } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { removeCommand } from '../frame/remove.ts';
import { table } from '../show/table.ts';
import { addGivenFlags, changeWithGiven, type GivenFlags, givenOf } from './given-certificates.ts';

/** Of one whose place another takes, how far that is. */
const stateOf = ({ successor, retiredAt }: CaView): string => {
  if (successor === undefined) return '';
  return retiredAt === undefined
    ? `being replaced by ${successor}, still trusted`
    : `retired, replaced by ${successor}`;
};

const constraintText = ({ nameConstraints }: CaView): string => {
  if (nameConstraints === null) return 'all';
  const { permitted, excluded } = nameConstraints;
  return [permitted.length === 0 ? 'all' : permitted.join(', '), ...excluded.map((one) => `not ${one}`)].join(', ');
};

const caTable = (cas: readonly CaView[]): string =>
  table(
    cas,
    [
      ['NAME', ({ name }) => name],
      ['SUBJECT', ({ subject }) => subject],
      ['VALID UNTIL', ({ notAfter }) => notAfter],
      ['KEY', ({ hasKey }) => (hasKey ? 'yes' : 'no')],
      ['MAY CERTIFY', constraintText],
      ['USED BY', ({ usedBy }) => usedBy.join(', ')],
      ['STATE', stateOf],
      ['SHA-256', ({ fingerprint256 }) => fingerprint256],
    ],
    'There are no CAs yet: the first `remora connect` makes one, or `remora ca create` and `remora ca import` do.',
  );

const addressOf = (name: string): string => `/cas/${encodeURIComponent(parseCaName(name))}`;

interface CreateFlags {
  readonly commonName?: string;
  readonly bits?: number;
  readonly days?: number;
  readonly pathLength?: number;
  readonly permit?: string[];
  readonly exclude?: string[];
}

const keyBits = (value: string): number => {
  if (value === '3072' || value === '4096') return Number(value);
  throw new RemoraError('bad-input', `--bits ${value}: a CA's RSA key has 3072 or 4096 bits.`);
};

const pathLengthOf = (value: string): number => {
  if (/^\d$/.test(value)) return Number(value);
  throw new RemoraError('bad-input', `--path-length ${value}: write a whole number between 0 and 9.`);
};

const addCreate = (command: Command, cli: Cli): void => {
  command
    .command('create')
    .description('make a CA whose key is sealed in the store; `connect --ca NAME` then uses it')
    .argument('<name>')
    .option('--common-name <text>', 'common name of its subject (default: the name)')
    .option('--bits <bits>', 'length of its RSA key, 3072 or 4096 (default: 3072)', keyBits)
    .option('--days <days>', 'how long it is valid (default: 3650)', wholeNumber('--days', 36_500))
    .option('--path-length <n>', 'how many CAs may stand between it and a node (default: any)', pathLengthOf)
    .option(
      '--permit <names>',
      'what alone it may certify, DNS:example.com or IP:10.0.0.0/8; may come again',
      addToList,
    )
    .option('--exclude <names>', 'what it must not certify of that; may come again', addToList)
    .action(async (name: string, { commonName, bits, days, ...flags }: CreateFlags) => {
      const wish = { name: parseCaName(name), commonName, keyBits: bits, validityDays: days, ...flags };
      const ca = await (await cli.client()).post<CaView>('/cas', wish);
      cli.answer(ca, () => caTable([ca]));
    });
};

interface ImportFlags {
  readonly cert: string;
  readonly key?: string;
  readonly passphraseFile?: string;
}

/** Whether somebody has to say a passphrase, as far as that can be seen from outside. */
const needsPassphrase = (files: readonly Buffer[]): boolean =>
  files.some((file) => file.includes('ENCRYPTED') || isPkcs12(file));

const passphraseFor = async (cli: Cli, { cert, key, passphraseFile }: ImportFlags, files: readonly Buffer[]) => {
  if (passphraseFile !== undefined) return readSecret(passphraseFile, '--passphrase-file');
  if (!needsPassphrase(files)) return undefined;
  return (await cli.askSecret(`Passphrase of ${key ?? cert}: `)) ?? undefined;
};

const addImport = (command: Command, cli: Cli): void => {
  command
    .command('import')
    .description(
      'take a CA that was made elsewhere; without its key it signs nothing, and `certs list` knows it by name',
    )
    .argument('<name>')
    .requiredOption(
      '--cert <file>',
      'its certificate, PEM or DER; or PKCS#12 or the zip of elasticsearch-certutil, with its key',
    )
    .option('--key <file>', 'its private key, PEM or PKCS#8 in DER, encrypted or not')
    .option('--passphrase-file <file>', 'file with the passphrase of the key; - for stdin (default: asked for)')
    .action(async (name: string, flags: ImportFlags) => {
      parseCaName(name);
      const certificate = await readBytes(flags.cert, '--cert');
      const key = flags.key === undefined ? undefined : await readBytes(flags.key, '--key');
      const passphrase = await passphraseFor(cli, flags, [certificate, ...(key ? [key] : [])]);
      const ca = await (await cli.client()).post<CaView>('/cas/import', {
        ...{ name, certificate: certificate.toString('base64'), key: key?.toString('base64'), passphrase },
      });
      cli.answer(ca, () => caTable([ca]));
    });
};

interface RotateFlags extends ChangeFlags, GivenFlags {
  readonly to?: string;
}

const addRotate = (command: Command, cli: Cli): void => {
  const rotation = command
    .command('rotate')
    .description(
      'have another CA take the place of one, without a restart: both are trusted, the new one serves, the old one goes',
    )
    .argument('<name>')
    .option('--to <name>', 'a CA that is there already (default: a new one like the old one)');
  addGivenFlags(rotation);
  addChangeFlags(rotation);
  rotation.action(async (ca: string, flags: RotateFlags) => {
    const waitOffline = flags.waitOffline === undefined ? undefined : true;
    const wish = given<CaRotateRequest>({ ca, to: flags.to, given: givenOf(flags), waitOffline });
    checkCaRotateRequest(wish);
    const part = { ca: wish.to ?? '', purpose: 'remote_cluster_server', field: 'given', flags } as const;
    await changeWithGiven(cli, { address: '/cas/rotation', wish }, [part], flags);
  });
};

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list all CAs')
    .action(async () => {
      const cas = await (await cli.client()).get<CaView[]>('/cas');
      cli.answer(cas, () => caTable(cas));
    });
  command
    .command('export')
    .description("write a CA's certificate as PEM")
    .argument('<name>')
    .action(async (name: string) => {
      const path = `/cas/${encodeURIComponent(name)}/certificate`;
      const ca = await (await cli.client()).get<{ name: string; certificatePem: string }>(path);
      cli.answer(ca, () => ca.certificatePem.trimEnd());
    });
  addCreate(command, cli);
  addImport(command, cli);
  removeCommand(command, cli, 'CA', addressOf);
  addRotate(command, cli);
};
