import { isEnded, type Run } from '@remora/shared/model/run.ts';
import { followRun } from './client/follow-run.ts';
import type { Cli } from './frame/cli.ts';
import { addLaterCommands } from './frame/later.ts';
import type { Register } from './frame/program.ts';
import { runSummary, runsTable, runText } from './show/run.ts';

const addressOf = (runId: string): string => `/runs/${encodeURIComponent(runId)}`;

/** Follows the run to its end and answers it; exit 1 unless it succeeded. */
const watch = async (cli: Cli, runId: string): Promise<void> => {
  const client = await cli.client();
  const run = await client.get<Run>(addressOf(runId));
  const ended = isEnded(run.status) ? run : await followRun(client, run, await cli.progress());
  cli.answer(ended, () => runSummary(ended));
  if (ended.status !== 'succeeded') cli.exit(1);
};

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list all runs, newest first')
    .action(async () => {
      const runs = await (await cli.client()).get<Run[]>('/runs');
      cli.answer(runs, () => runsTable(runs));
    });
  command
    .command('show')
    .description('show one run with its steps')
    .argument('<id>')
    .action(async (runId: string) => {
      const run = await (await cli.client()).get<Run>(addressOf(runId));
      cli.answer(run, () => runText(run));
    });
  command
    .command('watch')
    .description('follow a run until it has ended; exits 1 unless it succeeded')
    .argument('<id>')
    .action((runId: string) => watch(cli, runId));
  addLaterCommands(command, ['cancel', 'resume', 'continue', 'rollback']);
};
