import type {
  ChangeOperation,
  OperationCall,
  OperationInput,
  OperationResult,
  ReadOperation,
} from '@remora/shared/operations.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import type { NodeId } from '../plan/node/node-id.ts';

export interface CallOptions {
  /** How long to wait for the answer, in ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface ChangeDelivery {
  /** RUN/STEP/ATTEMPT */
  readonly id: string;
  readonly fence: number;
  readonly operations: readonly OperationCall<ChangeOperation>[];
  /** How long the agent may begin it, in ms; 0 only to go on with what it began. Absent: whenever it comes. */
  readonly freshForMs?: number;
}

/** How the rest of the coordinator speaks to agents, whichever coordinator holds the socket. Secrets in operations are references. */
export interface AgentCalls {
  /** One operation that reads. Throws `agent-offline` at once when no session is there, `delivery-timeout`, or the agent's own error. */
  read<N extends ReadOperation>(
    node: NodeId,
    name: N,
    input: OperationInput<N>,
    options: CallOptions,
  ): Promise<OperationResult<N>>;
  /**
   * A transaction. Sent again on a new session and after silence, with the same id; an agent that is away is waited for until the limit. Resolves with how
   * it ended, whatever that is; throws `delivery-timeout` only when nobody answered within the limit.
   */
  change(
    node: NodeId,
    delivery: ChangeDelivery,
    options: CallOptions & { readonly onProgress?: (phase: string) => void },
  ): Promise<Result>;
}
