import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import {
  checkScheduleRequest,
  type ScheduleAdded,
  type ScheduleArguments,
  type ScheduleOptions,
  type ScheduleRequest,
  type ScheduleResult,
  type ScheduleView,
} from '@remora/shared/model/schedule.ts';
import type { Command } from 'commander';
import { onFailure } from '../frame/change-flags.ts';
import { type Cli, confirmOrRefuse } from '../frame/cli.ts';
import { given } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { removeCommand } from '../frame/remove.ts';
import { checkedPlanText } from '../show/plan.ts';
import { followStarted } from '../show/progress/follow.ts';
import { resultText, schedulesTable, scheduleText } from '../show/schedules.ts';

const addressOf = (name: string): string => `/schedules/${encodeURIComponent(name)}`;

interface AddFlags extends ScheduleArguments, ScheduleOptions {
  readonly cron: string;
  readonly do: string;
  readonly timezone?: string;
  readonly window?: string;
  readonly jitter?: string;
}

const add = async (cli: Cli, name: string, flags: AddFlags): Promise<void> => {
  const { cron, do: workflow, timezone, window, jitter, expiring, cluster, validity } = flags;
  const { acceptOutage, onFailure, reason, ticket } = flags;
  const request: ScheduleRequest = {
    ...given<ScheduleRequest>({ name, cron, do: workflow, timezone, window, jitter }),
    arguments: given<ScheduleArguments>({ expiring, cluster, validity }),
    options: given<ScheduleOptions>({ acceptOutage, onFailure, reason, ticket }),
  };
  checkScheduleRequest(request);
  const added = await (await cli.client()).post<ScheduleAdded>('/schedules', request);
  if (added.updated) cli.note(`Schedule ${name} was known: it fires and does what is shown here from now on.`);
  for (const warning of added.warnings) cli.note(`Warning: ${warning}`);
  cli.answer(added, () => scheduleText(added));
};

interface RunFlags {
  readonly check?: true;
  readonly diff?: true;
  readonly yes?: true;
  readonly detach?: true;
}

/** What it does was decided when it was added, so a script needs no --yes; somebody at a terminal is asked. */
const run = async (cli: Cli, name: string, flags: RunFlags): Promise<void> => {
  const client = await cli.client();
  if (flags.check) {
    const plan = await client.post<Plan>(`${addressOf(name)}/plan`, {});
    cli.answer(plan, () => checkedPlanText(plan, flags.diff ?? false, {}));
    if (plan.steps.length > 0) cli.exit(2);
    return;
  }
  if (cli.interactive) await confirmOrRefuse(cli, `Run the schedule "${name}" now?`, flags.yes ?? false);
  const result = await client.post<ScheduleResult>(`${addressOf(name)}/run`, {});
  if (result.runId !== null && result.outcome !== 'skipped') {
    const started = await client.get<Run>(`/runs/${encodeURIComponent(result.runId)}`);
    await followStarted(cli, client, started, flags);
    return;
  }
  cli.answer(result, () => resultText(result));
  if (result.outcome === 'failed') cli.exit(1);
};

const show = async (cli: Cli, name: string): Promise<void> => {
  const found = await (await cli.client()).get<ScheduleView>(addressOf(name));
  cli.answer(found, () => scheduleText(found));
};

const list = async (cli: Cli): Promise<void> => {
  const found = await (await cli.client()).get<ScheduleView[]>('/schedules');
  cli.answer(found, () => schedulesTable(found));
};

const setPaused = async (cli: Cli, name: string, verb: 'pause' | 'resume'): Promise<void> => {
  const found = await (await cli.client()).post<ScheduleView>(`${addressOf(name)}/${verb}`, {});
  cli.answer(found, () => scheduleText(found));
};

const registerAdd = (command: Command, cli: Cli): void => {
  command
    .command('add')
    .description('have something done at certain times; given again, it gets other times and another work')
    .argument('<name>')
    .requiredOption(
      '--cron <expression>',
      'when: minute, hour, day of the month, month, day of the week; or six fields, with the seconds first',
    )
    .requiredOption('--do <workflow>', 'what: rotate-expiring, rotate-key or certs-report')
    .option('--timezone <name>', 'the time zone of the expression, like Europe/Berlin (default: UTC)')
    .option('--window <time>', 'how long after a fire it may begin, and begin a node, like 2h (default: at any time)')
    .option('--jitter <time>', 'put each fire off by up to this long, always by the same for the same fire')
    .option(
      '--expiring <time>',
      'certificates or keys that end within this time (default: those of which two thirds of their life are over, of certs-report 30d)',
    )
    .option('--cluster <name>', 'only those of this cluster; of rotate-key: of connections of this local cluster')
    .option('--validity <time>', 'how long new certificates or keys are valid (default: as long as the old ones)')
    .option('--accept-outage', 'accept the outages that a plan of it states')
    .option(
      '--on-failure <what>',
      'what follows when a run of it fails: stop or rollback (default: rollback)',
      onFailure,
    )
    .option('--reason <text>', 'why; recorded with each run')
    .option('--ticket <id>', 'the ticket that this belongs to; recorded with each run')
    .action((name: string, flags: AddFlags) => add(cli, name, flags));
};

export const register: Register = (command, cli) => {
  registerAdd(command, cli);
  command
    .command('list')
    .description('list all schedules, with their next times and what came of the last')
    .action(() => list(cli));
  command
    .command('show')
    .description('show one schedule, with all that its last fire found')
    .argument('<name>')
    .action((name: string) => show(cli, name));
  command
    .command('pause')
    .description('let a schedule not fire; a run that goes on is left alone')
    .argument('<name>')
    .action((name: string) => setPaused(cli, name, 'pause'));
  command
    .command('resume')
    .description('let it fire again; what came meanwhile does not')
    .argument('<name>')
    .action((name: string) => setPaused(cli, name, 'resume'));
  command
    .command('run')
    .description('fire a schedule now, also one that is paused, and follow its run')
    .argument('<name>')
    .option('--check', 'show what it would do and change nothing; exits 2 when there is something to do')
    .option('--diff', 'show what becomes different')
    .option('--yes', 'do not ask')
    .option('--detach', 'do not wait for the end of the run')
    .action((name: string, flags: RunFlags) => run(cli, name, flags));
  removeCommand(command, cli, 'schedule', addressOf);
};
