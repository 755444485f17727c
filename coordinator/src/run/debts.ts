import { asRemoraError, messageOf } from '@remora/shared/errors.ts';
import type { Clock } from '../clock.ts';
import type { DebtRecord } from '../plan/records.ts';
import type { Collection } from '../store/inventory.ts';
import type { RunControl } from '../store/run-control.ts';
import type { IsOnline } from './agent-presence.ts';

/** Who resumes a run whose nodes are back, as the run and the audit log say. */
const DEBT_ACTOR = 'wait-offline';

interface DebtParts {
  readonly debts: Pick<Collection<DebtRecord>, 'list' | 'remove'>;
  readonly control: Pick<RunControl, 'resume'>;
  readonly isOnline: IsOnline;
  readonly clock: Clock;
  readonly log: {
    info(fields: Readonly<Record<string, unknown>>, message: string): void;
    warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  };
}

const settle = async ({ debts, control, log }: DebtParts, { runId, until }: DebtRecord): Promise<void> => {
  try {
    // The debt is the request: two coordinators that settle it at once resume the run once.
    await control.resume(runId, { actor: DEBT_ACTOR, request: `${runId} ${until}` });
    log.info({ runId }, 'the agents that a run waited for are back: it goes on');
  } catch (error) {
    const { code } = asRemoraError(error);
    // Somebody resumed it by hand, or another run had the cluster since: nothing is owed any more.
    if (code !== 'conflict' && code !== 'plan-stale' && code !== 'not-found') throw error;
    log.warn({ runId, reason: messageOf(error) }, 'the agents that a run waited for are back, but it does not go on');
  }
  await debts.remove(runId);
};

/** Has runs go on that ended because agents were away, as soon as one of these is back; forgets those whose time is over. */
export const settleDebts = async (parts: DebtParts): Promise<void> => {
  for (const debt of await parts.debts.list()) {
    if (parts.clock().getTime() >= Date.parse(debt.until)) await parts.debts.remove(debt.runId);
    else if ((await Promise.all(debt.nodes.map(parts.isOnline))).includes(true)) await settle(parts, debt);
  }
};
