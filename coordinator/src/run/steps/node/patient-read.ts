import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput, OperationResult, ReadOperation } from '@remora/shared/operations.ts';
import { limitOf } from '../../../limit.ts';
import type { NodeId } from '../../../plan/node/node-id.ts';
import type { StepContext } from '../../executor.ts';
import type { StepParts } from '../parts.ts';

/** How long a step waits for an agent that is away: after a coordinator's restart agents come back within some 15 s, each in its own time. */
const LIMIT_MS = 5 * 60_000;
const AGAIN_MS = 1000;

const isAway = (error: unknown): boolean =>
  error instanceof RemoraError && ['agent-offline', 'delivery-timeout'].includes(error.code);

/** Reads from a node's agent, and waits for one that is away: a read changes nothing and may be asked again. */
export const patientRead = async <N extends ReadOperation>(
  { parts, context }: { readonly parts: StepParts; readonly context: StepContext },
  node: NodeId,
  name: N,
  input: OperationInput<N>,
  timeoutMs: number,
): Promise<OperationResult<N>> => {
  const limit = limitOf(LIMIT_MS);
  for (;;) {
    try {
      return await parts.agents.read(node, name, input, { timeoutMs, signal: context.signal });
    } catch (error) {
      if (!isAway(error) || limit.isOver()) throw error;
      await context.phase(`waiting for the agent of ${node.node}`);
      await context.sleep(AGAIN_MS);
    }
  }
};
