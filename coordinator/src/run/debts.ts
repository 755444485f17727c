import { asRemoraError, messageOf } from '@remora/shared/errors.ts';
import { parseMoment } from '@remora/shared/model/change-options.ts';
import type { RunStatus } from '@remora/shared/model/run.ts';
import type { Clock } from '../clock.ts';
import type { DebtRecord } from '../plan/records.ts';
import type { Collection } from '../store/inventory.ts';
import type { RunControl } from '../store/run-control.ts';
import type { RunRecord } from '../store/run-hash.ts';
import type { IsOnline } from './agent-presence.ts';

/** Who resumes a run whose nodes are back, as the run and the audit log say. */
const DEBT_ACTOR = 'wait-offline';

interface DebtParts {
  readonly debts: Pick<Collection<DebtRecord>, 'list' | 'remove'>;
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

/** Resumes a run that ended; answers whether its debt is settled, or cannot be any more. */
const settle = async ({ run, control, clock, log }: DebtParts, { runId, fence }: DebtRecord): Promise<boolean> => {
  try {
    const { status, head } = await run(runId);
    if (goesOn.has(status)) return false;
    const { notAfter } = head.options;
    if (status !== 'failed' || (notAfter !== undefined && parseMoment(notAfter, '--not-after') <= clock().getTime())) {
      log.warn(
        { runId, status, notAfter },
        'the agents that a run waited for are back, but it ended, or its time is over',
      );
      return true;
    }
    // The debt is the request: two coordinators that settle it at once resume the run once.
    const window = notAfter === undefined ? {} : { notAfter };
    const ask = { actor: DEBT_ACTOR, request: `${runId} ${fence}`, ...window };
    // The debt alone is settled: nobody has looked at what failed.
    await control.resume(runId, ask, { leavesFailed: true });
    log.info({ runId }, 'the agents that a run waited for are back: it goes on');
  } catch (error) {
    const { code } = asRemoraError(error);
    // Another run had the cluster since, or the run is forgotten: nothing is owed any more.
    if (code !== 'conflict' && code !== 'plan-stale' && code !== 'not-found') throw error;
    log.warn({ runId, reason: messageOf(error) }, 'the agents that a run waited for are back, but it does not go on');
  }
  return true;
};

/** Has runs go on that ended because agents were away, as soon as one of these is back; forgets those whose time is over. */
export const settleDebts = async (parts: DebtParts): Promise<void> => {
  const { debts, clock, isOnline } = parts;
  for (const debt of await debts.list()) {
    const isOver = clock().getTime() >= Date.parse(debt.until);
    const isBack = !isOver && (await Promise.all(debt.nodes.map(isOnline))).includes(true);
    if (isOver || (isBack && (await settle(parts, debt)))) await debts.remove(debt.runId);
  }
};
