import { randomUUID } from 'node:crypto';
import { type ErrorCode, errorTable, RemoraError } from '@remora/shared/errors.ts';
import {
  type OperationCall,
  type OperationInput,
  type OperationResult,
  operations,
  type ReadOperation,
} from '@remora/shared/operations.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import { Value } from 'typebox/value';
import type { NodeId } from '../../plan/node/node-id.ts';
import type { AgentCalls, CallOptions } from '../agent-calls.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { DeliveryRecord, DeliveryStore } from './delivery-store.ts';
import type { DeliveryWaits } from './delivery-waits.ts';

/** A change outlives its driver's limit by this much, so that an answer that comes late still finds it. */
const CHANGE_GRACE_MS = 24 * 3600 * 1000;
/** What an agent read is of no use to anybody but the caller. */
const READ_TTL_MS = 2 * 60 * 1000;

const offline = ({ cluster, node }: NodeId): RemoraError =>
  new RemoraError('agent-offline', `The agent of node "${node}" of cluster "${cluster}" is offline.`);

const unverified = ({ cluster, node }: NodeId): RemoraError =>
  new RemoraError(
    'agent-offline',
    `The agent of node "${node}" joined while that was down, and cluster "${cluster}" has not confirmed yet that the node is its own.`,
    { hint: 'Start that node. As soon as the cluster knows it, its agent gets work.' },
  );

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);

/** An agent's own error, with the name of its node. */
const agentError = ({ cluster, node }: NodeId, error: Result['error']): RemoraError => {
  if (!error) {
    return new RemoraError(
      'protocol-violation',
      `The agent of node "${node}" of cluster "${cluster}" failed without a reason.`,
    );
  }
  const message = error.message.includes(node)
    ? error.message
    : `Node "${node}" of cluster "${cluster}": ${error.message}`;
  const code = isErrorCode(error.code) ? error.code : 'internal';
  return new RemoraError(code, message, error.hint === undefined ? {} : { hint: error.hint });
};

/** The one result of a read, checked: what an agent answers is input. */
const readResult = <N extends ReadOperation>(
  node: NodeId,
  name: N,
  { outcome, results, error }: Result,
): OperationResult<N> => {
  if (outcome !== 'done') throw agentError(node, error);
  const [result] = results;
  if (!Value.Check(operations[name].result, result)) {
    throw new RemoraError(
      'protocol-violation',
      `Node "${node.node}" of cluster "${node.cluster}": the agent's answer to "${name}" does not have the fields of this protocol version.`,
    );
  }
  return result as OperationResult<N>;
};

const newRecord = (node: NodeId, fence: number, calls: readonly OperationCall[]): DeliveryRecord => ({
  node: { cluster: node.cluster, node: node.node },
  fence,
  operations: calls,
  createdAt: new Date().toISOString(),
});

/** Deliveries as the rest of the coordinator sees them. */
export const deliveryCalls = ({
  store,
  waits,
  registry,
  isUnverified,
}: {
  readonly store: DeliveryStore;
  readonly waits: DeliveryWaits;
  readonly registry: Pick<SessionRegistry, 'find'>;
  readonly isUnverified: (node: NodeId) => Promise<boolean>;
}): AgentCalls => ({
  async read<N extends ReadOperation>(node: NodeId, name: N, input: OperationInput<N>, options: CallOptions) {
    if (!(await registry.find(node))) throw offline(node);
    if (await isUnverified(node)) throw unverified(node);
    const id = `read/${randomUUID()}`;
    const record = newRecord(node, 0, [{ name, input } as OperationCall]);
    await store.open(id, record, Math.max(READ_TTL_MS, options.timeoutMs));
    try {
      return readResult(node, name, await waits.result(id, node, options));
    } catch (error) {
      const isSilent = error instanceof RemoraError && error.code === 'delivery-timeout';
      throw isSilent && !(await registry.find(node)) ? offline(node) : error;
    } finally {
      // It would expire by itself: what the agent answered counts more.
      await store.remove(id).catch(() => undefined);
    }
  },
  async change(node, { id, fence, operations: calls, freshForMs }, options) {
    // From before it is written: a Redis that is slow to take it makes it older.
    const freshUntilMs = performance.now() + (freshForMs ?? Number.POSITIVE_INFINITY);
    const record = { ...newRecord(node, fence, calls), ...(freshForMs === undefined ? {} : { freshForMs }) };
    const standing = await store.open(id, record, options.timeoutMs + CHANGE_GRACE_MS);
    if (standing?.result) return standing.result;
    if (standing) {
      throw new RemoraError(
        'fence-stale',
        `The step ${id} on node "${node.node}" was taken over by another coordinator (fence ${standing.fence} over ${fence}).`,
      );
    }
    return waits.result(id, node, { ...options, freshUntilMs });
  },
});
