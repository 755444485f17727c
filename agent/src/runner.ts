import { asRemoraError, RemoraError } from '@remora/shared/errors.ts';
import { type ChangeOperation, type OperationCall, operations, type ReadOperation } from '@remora/shared/operations.ts';
import type { Deliver, Result } from '@remora/shared/protocol/delivery.ts';
import type { AgentContext } from './context.ts';
import { carryOutChange, refusal } from './journal/deliver-change.ts';
import type { JournalStore } from './journal/store.ts';
import { createMutex } from './mutex.ts';
import { type Reader, readers } from './operations/table.ts';

/**
 * Carries out deliveries. Reads run side by side. Changes run one at a time, each as a transaction; a delivery that was seen before is answered with its
 * recorded result, one that is being carried out is not answered twice.
 */
export interface Runner {
  /** Resolves with the result; null when the same delivery is under way already, or was not begun because the agent stops: its next session gets it again. */
  deliver(delivery: Deliver, progress: (phase: string) => void): Promise<Result | null>;
}

const isRead = (call: OperationCall): call is OperationCall<ReadOperation> => operations[call.name].effect === 'read';
const isChange = (call: OperationCall): call is OperationCall<ChangeOperation> => !isRead(call);

// The map's value for a name takes that name's input, which the compiler cannot follow through a union; the call's own type guarantees it.
const read = ({ name, input }: OperationCall<ReadOperation>, context: AgentContext): Promise<unknown> =>
  (readers[name] as Reader<ReadOperation>)(input as never, context);

const readAll = async (
  id: string,
  calls: readonly OperationCall<ReadOperation>[],
  context: AgentContext,
): Promise<Result> => {
  try {
    const results = await Promise.all(calls.map((call) => read(call, context)));
    return { type: 'result', id, outcome: 'done', results, error: null };
  } catch (error) {
    return refusal(id, context.config.name, error);
  }
};

export const createRunner = (context: AgentContext, journal: JournalStore): Runner => {
  const underWay = new Set<string>();
  const oneAtATime = createMutex();

  const carryOut = async (delivery: Deliver, progress: (phase: string) => void): Promise<Result | null> => {
    const { id, operations: calls } = delivery;
    if (calls.every(isRead)) return readAll(id, calls, context);
    if (calls.every(isChange)) {
      return oneAtATime(async () =>
        context.draining.aborted ? null : carryOutChange(context, journal, delivery, calls, progress),
      );
    }
    const mixed = new RemoraError('bad-input', 'A delivery reads or changes, not both.');
    return refusal(id, context.config.name, mixed);
  };

  return {
    async deliver(delivery, progress) {
      if (underWay.has(delivery.id)) {
        // Whoever sends it again may be the next driver of the run: from here on the one before is refused.
        if (delivery.operations.every(isChange)) await context.fence.admit(delivery.fence);
        return null;
      }
      underWay.add(delivery.id);
      try {
        return await carryOut(delivery, progress);
      } catch (error) {
        context.log('error', `${delivery.id} failed: ${asRemoraError(error).message}`);
        return refusal(delivery.id, context.config.name, error);
      } finally {
        underWay.delete(delivery.id);
      }
    },
  };
};
