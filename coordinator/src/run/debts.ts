import { asRemoraError, messageOf } from '@remora/shared/errors.ts';
import { parseMoment } from '@remora/shared/model/change-options.ts';
import type { RunStatus, StepError } from '@remora/shared/model/run.ts';
import type { Clock } from '../clock.ts';
import type { DebtRecord } from '../plan/records.ts';
import type { Collection } from '../store/inventory.ts';
import type { RunControl } from '../store/runs/run-control.ts';
import type { RunRecord } from '../store/runs/run-hash.ts';
import type { IsOnline } from './agent-presence.ts';

/** Who resumes a run whose nodes are back, as the run and the audit log say. */
const DEBT_ACTOR = 'wait-offline';

interface DebtParts {
  readonly debts: Pick<Collection<DebtRecord>, 'list'>;
  /** Forgets one that is settled, or given up: then its run says why it does not go on. */
  readonly forget: (debt: DebtRecord, actor: string, why: StepError | null) => Promise<void>;
  /** `not-found` of one that is forgotten. */
  readonly run: (runId: string) => Promise<Pick<RunRecord, 'status' | 'head'>>;
  readonly control: Pick<RunControl, 'resume'>;
  readonly isOnline: IsOnline;
  readonly clock: Clock;
  readonly log: {
    info(fields: Readonly<Record<string, unknown>>, message: string): void;
    warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  };
}

/** The run has yet to write that it ended, or somebody resumed it by hand: what comes of the debt shows when it ends. */
const goesOn: ReadonlySet<RunStatus> = new Set(['running', 'waiting', 'paused', 'waiting_approval']);

const leftNodes = ({ nodes }: DebtRecord): string => nodes.map(({ node }) => node).join(', ');

/** Why the nodes are left for good, and what to do, which a rollback that waited for them is too. */
const givenUp = (debt: DebtRecord, why: string): StepError => ({
  code: 'agent-offline',
  message: `${leftNodes(debt)} ${debt.nodes.length > 1 ? 'are' : 'is'} left, and the run goes on by itself no more: ${why}.`,
  hint: `\`remora runs resume ${debt.runId}\` goes on, \`remora runs rollback ${debt.runId}\` takes back what it did.`,
});

/** What became of a debt: not settled yet, or settled, or given up for a reason. */
type Settlement = 'open' | { readonly why: StepError | null };

/** Resumes a run that ended; answers whether its debt is settled, or why it cannot be any more. */
const settle = async ({ run, control, clock, log }: DebtParts, debt: DebtRecord): Promise<Settlement> => {
  const { runId, fence } = debt;
  try {
    const { status, head } = await run(runId);
    if (goesOn.has(status)) return 'open';
    const { notAfter } = head.options;
    if (status !== 'failed' || (notAfter !== undefined && parseMoment(notAfter, '--not-after') <= clock().getTime())) {
      log.warn(
        { runId, status, notAfter },
        'the agents that a run waited for are back, but it ended, or its time is over',
      );
      return { why: givenUp(debt, `--not-after ${notAfter} is over`) };
    }
    // The debt is the request: two coordinators that settle it at once resume the run once.
    const window = notAfter === undefined ? {} : { notAfter };
    const ask = { actor: DEBT_ACTOR, request: `${runId} ${fence}`, ...window };
    // The debt alone is settled: nobody has looked at what failed.
    await control.resume(runId, ask, { leavesFailed: true });
    log.info({ runId }, 'the agents that a run waited for are back: it goes on');
  } catch (error) {
    const { code, message, hint } = asRemoraError(error);
    // Another run had the cluster since, or the run is forgotten: nothing is owed any more.
    if (code !== 'conflict' && code !== 'plan-stale' && code !== 'not-found') throw error;
    log.warn({ runId, reason: messageOf(error) }, 'the agents that a run waited for are back, but it does not go on');
    return { why: { code, message: `${leftNodes(debt)} left: ${message}`, hint } };
  }
  return { why: null };
};

/** Has runs go on that ended because agents were away, as soon as one of these is back; forgets those whose time is over. */
export const settleDebts = async (parts: DebtParts): Promise<void> => {
  const { debts, clock, isOnline, forget, log } = parts;
  for (const debt of await debts.list()) {
    const isOver = clock().getTime() >= Date.parse(debt.until);
    const isBack = !isOver && (await Promise.all(debt.nodes.map(isOnline))).includes(true);
    if (isOver) {
      log.warn({ runId: debt.runId, until: debt.until }, 'the agents that a run waited for were not back in time');
      await forget(debt, DEBT_ACTOR, givenUp(debt, `the agents were not back by ${debt.until}`));
    } else if (isBack) {
      const settlement = await settle(parts, debt);
      if (settlement !== 'open') await forget(debt, DEBT_ACTOR, settlement.why);
    }
  }
};
