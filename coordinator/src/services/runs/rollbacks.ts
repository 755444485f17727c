import { asRemoraError } from '@remora/shared/errors.ts';
import { type ChangeOptions, parseMoment } from '@remora/shared/model/change-options.ts';
import { isEnded } from '@remora/shared/model/run.ts';
import type { RollbackParts } from '../../observe/observe-rollback.ts';
import type { StoredPlan } from '../../plan/steps.ts';
import type { RestoreContext } from '../../run/executor.ts';
import { mayPass } from '../../run/stage/may-pass.ts';
import type { Wanted } from '../../run/stage/on-failure.ts';
import { makePlan } from './workflows.ts';

export interface ByItselfParts extends RollbackParts {
  readonly newPlanId: () => string;
  /** Files a run before all that wait; once a key. Answers its id. */
  readonly fileFirst: (
    plan: StoredPlan,
    how: { readonly actor: string; readonly idempotencyKey: string; readonly options: ChangeOptions },
  ) => Promise<string>;
}

/** Why a plan that takes a run back is not carried out by itself, with what to do; null when nothing speaks against it. */
export const refusalByItself = (
  plan: Pick<StoredPlan, 'outages' | 'restarts'>,
  run: string,
  { acceptOutage, notAfter }: Pick<ChangeOptions, 'acceptOutage' | 'notAfter'>,
  now: Date,
): string | null => {
  if (plan.outages.length > 0 && !acceptOutage)
    return `it would make something unavailable that was not accepted: ${plan.outages.join(' ')} \`remora runs rollback ${run} --accept-outage\` does it.`;
  // Whoever set an end to the window did not want nodes to restart after it, whatever for.
  const isLate = notAfter !== undefined && parseMoment(notAfter, '--not-after') <= now.getTime();
  return isLate && plan.restarts.length > 0
    ? `--not-after ${notAfter} is over, and it would restart ${plan.restarts.join(', ')}. \`remora runs rollback ${run}\` does it when the next window is open.`
    : null;
};

const planOrReason = async (parts: ByItselfParts, { run, untilMs }: Wanted, options: ChangeOptions) => {
  try {
    const plan = await makePlan(parts, 'rollback', { run }, parts.newPlanId());
    return refusalByItself(plan, run, options, parts.clock()) ?? plan;
  } catch (error) {
    if (mayPass(error) && parts.clock().getTime() < untilMs) throw error;
    const { code, message, hint } = asRemoraError(error);
    return code === 'conflict'
      ? `${message} ${hint}`
      : `${message} \`remora runs rollback ${run}\` does it when that is mended.`;
  }
};

/**
 * Files the rollback of a run that failed and was to be rolled back then (`--on-failure rollback`). Its clusters stay locked until this is done, and the
 * rollback comes before all that wait for them; it keeps to the window of the run (`--not-after`). Throws while it may still succeed; gives up with a word in
 * the run when it cannot.
 */
export const rollBackByItself =
  (parts: ByItselfParts) =>
  async (value: unknown, { tell }: Pick<RestoreContext, 'tell'>): Promise<void> => {
    const wanted = value as Wanted;
    const { status, head, finishedAt } = await parts.history.record(wanted.run);
    if (!isEnded(status)) throw new Error(`${wanted.run} has not ended yet`);
    if (status !== 'failed') return;
    const plan = await planOrReason(parts, wanted, head.options);
    if (typeof plan === 'string') {
      await tell(`not rolled back: ${plan}`);
      return;
    }
    const { acceptOutage, override, pause, reason, ticket, notAfter } = head.options;
    const all = { acceptOutage: acceptOutage || undefined, override, pause, reason, ticket, notAfter };
    const options = Object.fromEntries(Object.entries(all).filter(([, one]) => one !== undefined)) as ChangeOptions;
    const idempotencyKey = `rollback of ${wanted.run}, failed at ${finishedAt}`;
    const runId = await parts.fileFirst(plan, { actor: head.actor, idempotencyKey, options });
    const window =
      notAfter === undefined || plan.restarts.length === 0 ? '' : `, which begins no node after ${notAfter}`;
    await tell(`to be rolled back by ${runId}${window}`, runId);
  };
