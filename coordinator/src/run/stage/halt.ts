import { type ChangeOptions, parseMoment } from '@remora/shared/model/change-options.ts';
import type { RunStatus, StepError } from '@remora/shared/model/run.ts';
import type { Clock } from '../../clock.ts';
import { outlast } from '../outlast.ts';
import type { RunWriter } from '../run-writer.ts';

/** A run does not go on, although nothing failed: somebody cancelled it, its time is over, or it waits for somebody who looks at the first node. */
export class RunHalted extends Error {
  readonly status: RunStatus;
  readonly error: StepError | null;

  constructor(status: 'cancelled' | 'paused', message: string, error: StepError | null) {
    super(message);
    this.status = status;
    this.error = error;
  }
}

/** A step has begun nothing and could not begin now: it is as if it had never been begun, and its turn comes again. */
export class StepPostponed extends Error {}

interface HaltParts {
  readonly writer: RunWriter;
  readonly signal: AbortSignal;
}

/** Throws RunHalted when somebody asked to cancel the run; called before anything is begun, and while nothing has been. */
export const haltIfCancelled = async ({ writer, signal }: HaltParts): Promise<void> => {
  const stop = await outlast(signal, () => writer.stopRequest());
  if (stop) throw new RunHalted('cancelled', stop.message, stop);
};

/** Throws RunHalted when no node may be begun any more. */
export const haltIfLate = ({ notAfter }: ChangeOptions, clock: Clock): void => {
  if (notAfter === undefined || clock().getTime() < parseMoment(notAfter, '--not-after')) return;
  const message = `stopped before the next node, since ${notAfter} is over`;
  const hint = 'Go on with `remora runs resume` when the next window is open; --not-after then gives its end.';
  throw new RunHalted('cancelled', message, { code: 'run-stopped', message, hint });
};
