import { basename } from 'node:path';
import type { CertificateFiles } from '@remora/shared/model/certificates/issue-request.ts';
import type {
  NewSigningRequest,
  SigningRequestView,
  SigningWish,
} from '@remora/shared/model/certificates/signing-request.ts';
import { parseCaName } from '@remora/shared/model/values/names.ts';
import type { Command } from 'commander';
import type { Cli } from '../frame/cli.ts';
import { given, readBytes } from '../frame/input.ts';
import { prepareDirectory, writeNew } from '../frame/new-files.ts';
import { removeCommand } from '../frame/remove.ts';
import { table } from '../show/table.ts';
import {
  AT_ONCE,
  addFormFlags,
  addInstanceFlags,
  type FormFlags,
  fileNames,
  formOf,
  type InstanceFlags,
  instancesOf,
  type Written,
  writeFiles,
  writtenTable,
} from './certs-issue.ts';

const address = '/certificates/requests';

const requestTable = (requests: readonly SigningRequestView[]): string =>
  table(
    requests,
    [
      ['ID', ({ id }) => id],
      ['NAME', ({ name }) => name],
      ['CA', ({ ca }) => ca],
      ['PURPOSE', ({ purpose }) => purpose],
      ['NAMES', ({ sans }) => sans.join(', ')],
      ['REQUESTED', ({ requestedAt }) => requestedAt],
      ['VALID UNTIL', ({ certificate }) => certificate?.notAfter ?? 'not signed yet'],
    ],
    'Nothing is requested: `remora certs csr` does.',
  );

interface WrittenRequest {
  readonly id: string;
  readonly name: string;
  /** Path. */
  readonly file: string;
}

const writeRequest = async (out: string, { id, name, csr }: NewSigningRequest): Promise<WrittenRequest> => ({
  ...{ id, name },
  file: await writeNew(out, { name: `${name}.csr`, content: Buffer.from(csr), secret: false }),
});

const answerWritten = (cli: Cli, written: readonly WrittenRequest[]): void =>
  cli.answer(written, () =>
    table(
      written,
      [
        ['ID', ({ id }) => id],
        ['NAME', ({ name }) => name],
        ['REQUEST', ({ file }) => file],
      ],
      'Nothing is left to be signed.',
    ),
  );

/** Writes the requests that are still to be signed once more: files get lost on the way. */
const writeOpen = async (cli: Cli, all: readonly SigningRequestView[], out: string): Promise<void> => {
  const open = all.flatMap(({ id, name, csr, certificate }) =>
    certificate === null && csr !== null ? [{ id, name, csr }] : [],
  );
  await prepareDirectory(
    out,
    open.map(({ name }) => `${name}.csr`),
  );
  const written: WrittenRequest[] = [];
  for (const one of open) written.push(await writeRequest(out, one));
  answerWritten(cli, written);
};

const request = async (cli: Cli, flags: InstanceFlags & { readonly out: string }): Promise<void> => {
  const { ca, purpose, bits: keyBits, out } = flags;
  parseCaName(ca);
  const instances = await instancesOf(flags);
  await prepareDirectory(
    out,
    instances.map(({ name }) => `${name}.csr`),
  );
  const client = await cli.client();
  const written: WrittenRequest[] = [];
  for (let at = 0; at < instances.length; at += AT_ONCE) {
    const some = given<SigningWish>({ ca, purpose, keyBits, instances: instances.slice(at, at + AT_ONCE) });
    for (const made of await client.post<NewSigningRequest[]>(address, some))
      written.push(await writeRequest(out, made));
    if (instances.length > AT_ONCE) cli.note(`${written.length} of ${instances.length} requests`);
  }
  answerWritten(cli, written);
};

interface AcceptFlags extends FormFlags {
  readonly out?: string;
}

const accept = async (cli: Cli, files: readonly string[], flags: AcceptFlags): Promise<void> => {
  const form = await formOf(flags);
  const { out } = flags;
  const read = files.map(async (path) => ({
    name: basename(path),
    content: (await readBytes(path, 'FILE')).toString('base64'),
  }));
  const client = await cli.client();
  const taken = await client.post<SigningRequestView[]>(`${address}/accept`, { files: await Promise.all(read) });
  if (out === undefined) {
    cli.answer(taken, () => requestTable(taken));
    return;
  }
  const names = taken.map(({ name }) => name);
  await prepareDirectory(out, fileNames(names, form));
  const written: Written[] = [];
  for (const { id } of taken)
    written.push(await writeFiles(out, await client.post<CertificateFiles>(`${address}/${id}/files`, form)));
  cli.answer(written, () => writtenTable(written));
};

/** Commands for CAs that sign elsewhere. */
export const addExternal = (command: Command, cli: Cli): void => {
  addInstanceFlags(
    command
      .command('csr')
      .description('make keys, which Remora keeps sealed, and requests for a CA that signs elsewhere'),
  )
    .requiredOption('--out <dir>', 'directory for NAME.csr; nothing in it is overwritten')
    .action((flags: InstanceFlags & { readonly out: string }) => request(cli, flags));
  addFormFlags(
    command
      .command('accept')
      .description('take signed certificates back, all or none; each is checked against what was asked for')
      .argument('<files...>', 'PEM, with intermediate CAs, or DER'),
  )
    .option('--out <dir>', 'directory for the certificates with their keys; nothing in it is overwritten')
    .action((files: string[], flags: AcceptFlags) => accept(cli, files, flags));
  command
    .command('requests')
    .description('list the requests to CAs that sign elsewhere, and what came back')
    .option('--out <dir>', 'write those that are not signed yet to NAME.csr once more; nothing in it is overwritten')
    .action(async ({ out }: { readonly out?: string }) => {
      const all = await (await cli.client()).get<SigningRequestView[]>(address);
      if (out === undefined) cli.answer(all, () => requestTable(all));
      else await writeOpen(cli, all, out);
    });
  removeCommand(command, cli, 'signing request', (id) => `${address}/${encodeURIComponent(id)}`, 'forget');
};
