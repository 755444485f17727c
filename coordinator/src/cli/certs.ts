import type { CertificateList, CertificateView } from '@remora/shared/model/certificate-view.ts';
import { parseDuration } from '@remora/shared/model/duration.ts';
import { parseClusterName } from '@remora/shared/model/names.ts';
import type { Cli } from './frame/cli.ts';
import { addLaterCommands } from './frame/later.ts';
import type { Register } from './frame/register.ts';
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

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list the certificates of all nodes, the one that ends next first')
    .option('--expiring <time>', 'only those that end within this time, like 30d, or have ended')
    .option('--cluster <name>', 'only those of this cluster')
    .action((flags: ListFlags) => list(cli, flags));
  addLaterCommands(command, ['rotate']);
};
