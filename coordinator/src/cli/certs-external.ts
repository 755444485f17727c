import { basename } from 'node:path';
import type { CertificateFiles } from '@remora/shared/model/issue-request.ts';
import { parseCaName } from '@remora/shared/model/names.ts';
import type { NewSigningRequest, SigningRequestView, SigningWish } from '@remora/shared/model/signing-request.ts';
import type { Command } from 'commander';
import {
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
import type { Cli } from './frame/cli.ts';
import { given, readBytes } from './frame/input.ts';
import { prepareDirectory, writeNew } from './frame/new-files.ts';
import { removeCommand } from './frame/remove.ts';
import { table } from './show/table.ts';

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

const request = async (cli: Cli, flags: InstanceFlags & { readonly out: string }): Promise<void> => {
  const { ca, purpose, bits: keyBits, out } = flags;
  parseCaName(ca);
  const instances = await instancesOf(flags);
  await prepareDirectory(
    out,
    instances.map(({ name }) => `${name}.csr`),
  );
  const client = await cli.client();
  const made = await client.post<NewSigningRequest[]>(address, given<SigningWish>({ ca, purpose, keyBits, instances }));
  const written: { id: string; name: string; file: string }[] = [];
  for (const { id, name, csr } of made) {
    const file = { name: `${name}.csr`, content: Buffer.from(csr), secret: false };
    written.push({ id, name, file: await writeNew(out, file) });
  }
  cli.answer(written, () =>
    table(
      written,
      [
        ['ID', ({ id }) => id],
        ['NAME', ({ name }) => name],
        ['REQUEST', ({ file }) => file],
      ],
      '',
    ),
  );
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
    .action(async () => {
      const all = await (await cli.client()).get<SigningRequestView[]>(address);
      cli.answer(all, () => requestTable(all));
    });
  removeCommand(command, cli, 'signing request', (id) => `${address}/${encodeURIComponent(id)}`, 'forget');
};
