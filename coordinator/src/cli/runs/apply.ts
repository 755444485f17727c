import { RemoraError } from '@remora/shared/errors.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { Option } from 'commander';
import { addApplyFlags, type ChangeFlags, changeOptionsOf } from '../frame/change-flags.ts';
import { type Cli, confirmOrRefuse } from '../frame/cli.ts';
import type { Register } from '../frame/register.ts';
import { planText } from '../show/plan.ts';
import { followStarted } from '../show/progress/follow.ts';

const apply = async (cli: Cli, planId: string, flags: ChangeFlags): Promise<void> => {
  if (!flags.yes && !cli.interactive) await confirmOrRefuse(cli, '', false);
  const client = await cli.client();
  const address = `/plans/${encodeURIComponent(planId)}`;
  if (!flags.yes || flags.diff) {
    const plan = await client.post<Plan>(`${address}/preview`, { options: changeOptionsOf(flags) });
    cli.note(planText(plan, flags.diff ?? false));
    await confirmOrRefuse(cli, 'Carry out this plan?', flags.yes ?? false);
  }
  const run = await client.post<Run>(`${address}/apply`, { options: changeOptionsOf(flags) });
  await followStarted(cli, client, run, flags);
};

const refuseLimit = (): never => {
  throw new RemoraError('bad-input', '`apply --limit` is refused: a plan says which nodes it changes.', {
    hint: 'Make another plan, with --check and --limit.',
  });
};

export const register: Register = (command, cli) => {
  command.argument('<plan>', 'id of a plan, as --check and `remora plans list` show it');
  addApplyFlags(command);
  command.addOption(new Option('--limit <nodes>').hideHelp().argParser(refuseLimit));
  command.action((planId: string, flags: ChangeFlags) => apply(cli, planId, flags));
};
