import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import type { ApiClient } from '../client/api-client.ts';
import { checkedPlanText, planText } from '../show/plan.ts';
import { followStarted } from '../show/progress/follow.ts';
import { type ChangeFlags, changeOptionsOf } from './change-flags.ts';
import { type Cli, confirmOrRefuse } from './cli.ts';

/** A change as the API knows it: `POST ADDRESS/plan` answers its plan, `POST ADDRESS` carries it out. */
export interface Change {
  readonly address: string;
  readonly wish: object;
  /** False where the wish names a secret that is kept only once the change is carried out: then `apply` cannot do it. */
  readonly isKept?: boolean;
}

const planOf = (client: ApiClient, { address, wish }: Change, flags: ChangeFlags): Promise<Plan> =>
  client.post<Plan>(`${address}/plan`, { ...wish, options: changeOptionsOf(flags) });

/** Shows a person what would be done and asks; answers the hash of the plan that was confirmed, null when nobody looked at one. */
const confirmPlan = async (cli: Cli, client: ApiClient, change: Change, flags: ChangeFlags): Promise<string | null> => {
  if (flags.yes && !flags.diff) return null;
  const plan = await planOf(client, change, flags);
  cli.note(planText(plan, flags.diff ?? false));
  const refusedAnyway = plan.outages.length > 0 && !flags.acceptOutage;
  if (plan.steps.length > 0 && !refusedAnyway) await confirmOrRefuse(cli, 'Carry out this plan?', flags.yes ?? false);
  return plan.hash;
};

/** The same as `planAndCarryOut`; answers whether the end of the run was reached and went well. */
export const planAndFollow = async (cli: Cli, change: Change, flags: ChangeFlags): Promise<boolean> => {
  if (!flags.check && !flags.yes && !cli.interactive) await confirmOrRefuse(cli, '', false);
  const client = await cli.client();
  if (flags.check) {
    const plan = await planOf(client, change, flags);
    cli.answer(plan, () => checkedPlanText(plan, flags.diff ?? false, changeOptionsOf(flags), change.isKept));
    if (plan.steps.length > 0) cli.exit(2);
    return false;
  }
  const planHash = await confirmPlan(cli, client, change, flags);
  const query = planHash === null ? '' : `?${new URLSearchParams({ planHash })}`;
  const run = await client.post<Run>(`${change.address}${query}`, { ...change.wish, options: changeOptionsOf(flags) });
  return followStarted(cli, client, run, flags);
};

/** `--check` answers the plan, exit 2 when it has steps; else the change is confirmed, started and followed to its end. */
export const planAndCarryOut = async (cli: Cli, change: Change, flags: ChangeFlags): Promise<void> => {
  await planAndFollow(cli, change, flags);
};
