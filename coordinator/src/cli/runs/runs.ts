import { isEnded, type Run } from '@remora/shared/model/run.ts';
import type { Command } from 'commander';
import { followRun } from '../client/follow-run.ts';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { addPageFlags, showPage } from '../frame/page-flags.ts';
import type { Register } from '../frame/register.ts';
import { followStarted } from '../show/progress/follow.ts';
import { runSummary, runsTable, runText } from '../show/run.ts';

const addressOf = (runId: string): string => `/runs/${encodeURIComponent(runId)}`;

const watch = async (cli: Cli, runId: string): Promise<void> => {
  const client = await cli.client();
  await followStarted(cli, client, await client.get<Run>(addressOf(runId)));
};

interface GoOnFlags {
  readonly detach?: true;
  readonly notAfter?: string;
}

const goOn = async (cli: Cli, runId: string, verb: 'resume' | 'continue', flags: GoOnFlags): Promise<void> => {
  const client = await cli.client();
  const body = flags.notAfter === undefined ? {} : { notAfter: flags.notAfter };
  const run = await client.post<Run>(`${addressOf(runId)}/${verb}`, body);
  await followStarted(cli, client, run, flags);
};

/** Waits until the run stands still, since what was begun is brought to its end. */
const cancel = async (cli: Cli, runId: string, flags: { readonly reason?: string }): Promise<void> => {
  const client = await cli.client();
  const body = flags.reason === undefined ? {} : { reason: flags.reason };
  const run = await client.post<Run>(`${addressOf(runId)}/cancel`, body);
  const ended = isEnded(run.status) ? run : await followRun(client, run, await cli.progress());
  cli.answer(ended, () => runSummary(ended));
  if (ended.status !== 'cancelled') cli.exit(1);
};

export const register: Register = (command, cli) => {
  addPageFlags(command.command('list').description('list runs, newest first'), 'run').action((flags) =>
    showPage<Run>(cli, '/runs', flags, { table: runsTable, id: ({ runId }) => runId }),
  );
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
    .description('follow a run until it has ended or pauses; exits 1 when it did not go well')
    .argument('<id>')
    .action((runId: string) => watch(cli, runId));
  registerControl(command, cli);
};

const registerControl = (command: Command, cli: Cli): void => {
  command
    .command('cancel')
    .description('stop a run at its next step; what was begun is brought to its end')
    .argument('<id>')
    .option('--reason <text>', 'why; recorded with the run')
    .action((runId: string, flags: { reason?: string }) => cancel(cli, runId, flags));
  command
    .command('resume')
    .description('go on with a run that failed or was cancelled, from the first step that is not done')
    .argument('<id>')
    .option('--detach', 'do not wait for the end of the run')
    .option('--not-after <time>', 'begin no node after this time')
    .action((runId: string, flags: GoOnFlags) => goOn(cli, runId, 'resume', flags));
  command
    .command('continue')
    .description('go on with a run that pauses after its first node')
    .argument('<id>')
    .option('--detach', 'do not wait for the end of the run')
    .action((runId: string, flags: GoOnFlags) => goOn(cli, runId, 'continue', flags));
  const rollback = command
    .command('rollback')
    .description('take back what a run did, one that succeeded too; a run of its own does it')
    .argument('<id>');
  addChangeFlags(rollback);
  rollback.action((runId: string, flags: ChangeFlags) =>
    planAndCarryOut(cli, { address: `${addressOf(runId)}/rollback`, wish: {} }, flags),
  );
};
