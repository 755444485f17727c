import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import type { NodeId } from '../../plan/node/node-id.ts';
import { nodeKey } from '../../plan/node/node-id.ts';
import { gatewayKeys } from '../gateway-keys.ts';

/** An agent that was not let in lately, by whichever coordinator. */
export interface Refusal {
  /** CLUSTER/NODE. */
  readonly node: string;
  readonly reason: string;
  /** What a person can do about it. */
  readonly hint: string;
}

/** A refused agent comes again within 45 s; one that does not is gone. */
const KEPT_MS = 3 * 60_000;

type Noted = Omit<Refusal, 'node'> & { readonly atMs: number };

export interface Refusals {
  note(node: NodeId, error: unknown): Promise<void>;
  /** The agent was let in. */
  forget(node: NodeId): Promise<void>;
  list(): Promise<Refusal[]>;
}

export const openRefusals = (redis: Redis): Refusals => ({
  async note(node, error) {
    // Nothing is written into a store that was wiped.
    if (error instanceof RemoraError && error.code === 'store-replaced') return;
    const hint = (error instanceof RemoraError && error.hint) || 'See the log of the agent.';
    const noted: Noted = { reason: messageOf(error), hint, atMs: Date.now() };
    await redis.hset(gatewayKeys.refused, nodeKey(node), JSON.stringify(noted));
  },
  async forget(node) {
    await redis.hdel(gatewayKeys.refused, nodeKey(node));
  },
  async list() {
    const found = Object.entries(await redis.hgetall(gatewayKeys.refused));
    return found.flatMap(([node, text]) => {
      const { reason, hint, atMs } = JSON.parse(text) as Noted;
      return Math.abs(Date.now() - atMs) < KEPT_MS ? [{ node, reason, hint }] : [];
    });
  },
});
