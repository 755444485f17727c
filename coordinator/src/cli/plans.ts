import type { Plan } from '@remora/shared/model/plan.ts';
import type { Register } from './frame/register.ts';
import { keptPlanText, plansTable } from './show/plan.ts';

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list the newest 200 plans of the last 30 days')
    .action(async () => {
      const plans = await (await cli.client()).get<Plan[]>('/plans');
      cli.answer(plans, () => plansTable(plans));
    });
  command
    .command('show')
    .description('show one plan with its steps and what they make different')
    .argument('<id>')
    .action(async (planId: string) => {
      const plan = await (await cli.client()).get<Plan>(`/plans/${encodeURIComponent(planId)}`);
      cli.answer(plan, () => keptPlanText(plan));
    });
};
