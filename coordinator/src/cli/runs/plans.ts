import type { Plan } from '@remora/shared/model/plan.ts';
import { addPageFlags, showPage } from '../frame/page-flags.ts';
import type { Register } from '../frame/register.ts';
import { keptPlanText, plansTable } from '../show/plan.ts';

export const register: Register = (command, cli) => {
  const list = command.command('list').description('list the plans of the last 30 days, newest first');
  addPageFlags(list, 'plan').action((flags) =>
    showPage<Plan>(cli, '/plans', flags, { table: plansTable, id: ({ planId }) => planId }),
  );
  command
    .command('show')
    .description('show one plan with its steps and what they make different')
    .argument('<id>')
    .action(async (planId: string) => {
      const plan = await (await cli.client()).get<Plan>(`/plans/${encodeURIComponent(planId)}`);
      cli.answer(plan, () => keptPlanText(plan));
    });
};
