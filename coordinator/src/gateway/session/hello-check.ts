import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { PROTOCOL_VERSION } from '@remora/shared/protocol/limits.ts';
import type { Hello } from '@remora/shared/protocol/session.ts';
import type { Redis } from 'ioredis';
import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import type { StoreProblem } from '../../store/store-identity.ts';
import { gatewayKeys } from '../gateway-keys.ts';
import type { GatewayLog } from '../gateway-log.ts';

/** What a cluster says of a node of its own. */
export interface FoundNode {
  readonly nodeId: string;
  readonly version: string;
}

/**
 * Finds the node with this name and process in the cluster. Throws `wrong-node` when it is none of the cluster's, and something else when the cluster cannot
 * be asked, which proves nothing.
 */
export type VerifyNode = (
  cluster: string,
  node: { readonly nodeName: string; readonly pid: number },
) => Promise<FoundNode>;

/** Whether the node beside the agent still has to be found in the cluster. */
interface NodeCheck {
  readonly unverified: boolean;
  /** Only where it was looked up now. */
  readonly found?: FoundNode;
}

export interface HelloCheck {
  /** Throws `protocol-violation` for another protocol version, `store-replaced` for a store that was wiped, `not-allowed` and `wrong-node` for the rest. */
  hello(hello: Hello, node: NodeId): Promise<NodeCheck>;
  /** Once the node runs: checks what could not be checked when the agent joined. Throws `wrong-node`. */
  node(node: NodeId, pid: number): Promise<NodeCheck>;
}

const notAllowed = (message: string, hint: string): never => {
  throw new RemoraError('not-allowed', message, { hint });
};

const JOIN_AGAIN =
  'join the agent again, with `--force` (`remora tokens create`, then `remora agent join` on that node)';

/** The sentences are short: they travel in a close frame, which has 123 bytes. */
export const helloCheck = (parts: {
  readonly redis: Redis;
  readonly storeId: string;
  readonly storeProblem: StoreProblem | undefined;
  readonly highestFence: () => Promise<number>;
  readonly verifyNode: VerifyNode | undefined;
  readonly log: GatewayLog;
}): HelloCheck => {
  const checkNode = async (node: NodeId, pid: number | null): Promise<NodeCheck> => {
    const nodeName = await parts.redis.hget(gatewayKeys.unverified, nodeKey(node));
    if (nodeName === null || !parts.verifyNode) return { unverified: false };
    if (pid === null) return { unverified: true };
    let found: FoundNode;
    try {
      found = await parts.verifyNode(node.cluster, { nodeName, pid });
    } catch (error) {
      if (error instanceof RemoraError && error.code === 'wrong-node') throw error;
      parts.log.warn({ ...node, reason: messageOf(error) }, 'the node could not be looked up in its cluster yet');
      return { unverified: true };
    }
    await parts.redis.hdel(gatewayKeys.unverified, nodeKey(node));
    return { unverified: false, found };
  };
  return {
    node: checkNode,
    async hello(hello, node) {
      if (hello.version !== PROTOCOL_VERSION) {
        throw new RemoraError(
          'protocol-violation',
          `the agent speaks protocol version ${hello.version}, this coordinator ${PROTOCOL_VERSION}`,
          { hint: 'Use an agent and a coordinator of the same release.' },
        );
      }
      if (hello.cluster !== node.cluster || hello.name !== node.node) {
        notAllowed(
          'The agent says another name or cluster than its certificate was issued for.',
          `Its data directory was mixed with another one's: ${JOIN_AGAIN}.`,
        );
      }
      if (((await parts.storeProblem?.()) ?? null) !== null)
        throw new RemoraError('store-replaced', 'The store was wiped or replaced while this coordinator ran.');
      if (hello.storeId !== parts.storeId) {
        notAllowed(
          'The agent was joined to another store: this one was wiped or replaced. Join it again.',
          `Connect it to the coordinator of its own store, or ${JOIN_AGAIN}.`,
        );
      }
      if (hello.fence > (await parts.highestFence())) {
        notAllowed(
          'The agent saw a higher fence than this store ever gave: it is an old copy. See docs/disasters.md.',
          `Back this store up and restore it to a new data directory: its fences then begin above all that agents saw. Or ${JOIN_AGAIN}.`,
        );
      }
      return checkNode(node, hello.elasticsearch.pid);
    },
  };
};
