import { type ErrorCode, RemoraError } from '@remora/shared/errors.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { isEnded } from '@remora/shared/model/run.ts';
import type { RollbackParts } from '../observe/observe-rollback.ts';
import type { StoredPlan } from '../plan/steps.ts';
import type { RestoreContext } from '../run/executor.ts';
import type { Wanted } from '../run/on-failure.ts';
import { makePlan } from './workflows.ts';

export interface ByItselfParts extends RollbackParts {
  readonly newPlanId: () => string;
  /** Files a run before all that wait; once a key. Answers its id. */
  readonly fileFirst: (
    plan: StoredPlan,
    how: { readonly actor: string; readonly idempotencyKey: string; readonly options: ChangeOptions },
  ) => Promise<string>;
}

/** What may be otherwise in a moment: a node that is just coming back, a cluster without a master. */
const mayPass = (error: unknown): boolean =>
  !(error instanceof RemoraError) ||
  (
    [
      'agent-offline',
      'cluster-unreachable',
      'elasticsearch-error',
      'delivery-timeout',
      'preflight-failed',
      'wrong-node',
    ] satisfies ErrorCode[] as ErrorCode[]
  ).includes(error.code);

const planOrReason = async (parts: ByItselfParts, { run, untilMs }: Wanted, accepted: boolean) => {
  try {
    const plan = await makePlan(parts, 'rollback', { run }, parts.newPlanId());
    if (plan.outages.length === 0 || accepted) return plan;
    return `it would make something unavailable that was not accepted: ${plan.outages.join(' ')}`;
  } catch (error) {
    if (mayPass(error) && parts.clock().getTime() < untilMs) throw error;
    return error instanceof Error ? error.message : String(error);
  }
};

/**
 * Files the rollback of a run that failed and was to be rolled back then (`--on-failure rollback`). Its clusters stay locked until this is done, and the
 * rollback comes before all that wait for them. Throws while it may still succeed; gives up with a word in the run when it cannot.
 */
export const rollBackByItself =
  (parts: ByItselfParts) =>
  async (value: unknown, { tell }: Pick<RestoreContext, 'tell'>): Promise<void> => {
    const wanted = value as Wanted;
    const { status, head, finishedAt } = await parts.history.record(wanted.run);
    if (!isEnded(status)) throw new Error(`${wanted.run} has not ended yet`);
    if (status !== 'failed') return;
    const { acceptOutage = false, override, pause, reason, ticket } = head.options;
    const plan = await planOrReason(parts, wanted, acceptOutage);
    if (typeof plan === 'string') {
      await tell(`not rolled back: ${plan} \`remora runs rollback ${wanted.run}\` does it when that is mended.`);
      return;
    }
    const all = { acceptOutage: acceptOutage || undefined, override, pause, reason, ticket };
    const options = Object.fromEntries(Object.entries(all).filter(([, one]) => one !== undefined)) as ChangeOptions;
    const idempotencyKey = `rollback of ${wanted.run}, failed at ${finishedAt}`;
    const runId = await parts.fileFirst(plan, { actor: head.actor, idempotencyKey, options });
    await tell(`to be rolled back by ${runId}`, runId);
  };
