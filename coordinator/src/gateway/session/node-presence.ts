import type { Redis } from 'ioredis';
import type { NodeId } from '../../plan/steps.ts';
import { nodeKey } from '../../store/inventory.ts';
import { keys } from '../../store/keys.ts';
import type { NodeRecord } from '../../store/records.ts';

/** What a session says of its node. */
export interface Presence {
  readonly running: boolean;
  readonly agentVersion: string;
  readonly configDir: string;
}

/** Without a change, `lastSeen` is written this often: a fleet's beats every 5 s would be all that Redis does. */
const WRITE_EVERY_MS = 30_000;
/** Others write the same record rarely; a lost race is made good by the next beat. */
const TRIES = 3;

/** KEYS: nodes. ARGV: CLUSTER/NODE, the record that was read, the record to write. */
const REPLACE = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

export interface NodePresence {
  /** Notes a sign of life; writes on a change, and every 30 s else. */
  seen(node: NodeId, presence: Presence): Promise<void>;
  /** Writes `lastSeen` now and forgets the node: its session ended. */
  left(node: NodeId, presence: Presence): Promise<void>;
}

/** Keeps `lastSeen` and what agents say in the node records. A node that was removed meanwhile is not written back. */
export const trackPresence = (redis: Redis): NodePresence => {
  const written = new Map<string, { readonly text: string; readonly atMs: number }>();
  const write = async (node: NodeId, presence: Presence): Promise<void> => {
    const id = nodeKey(node);
    for (let left = TRIES; left > 0; left -= 1) {
      const found = await redis.hget(keys.nodes, id);
      if (found === null) return;
      const record: NodeRecord = {
        ...(JSON.parse(found) as NodeRecord),
        ...presence,
        lastSeen: new Date().toISOString(),
      };
      if ((await redis.eval(REPLACE, 1, keys.nodes, id, found, JSON.stringify(record))) === 1) return;
    }
  };
  return {
    async seen(node, presence) {
      const last = written.get(nodeKey(node));
      const text = JSON.stringify(presence);
      const now = Date.now();
      if (last?.text === text && now - last.atMs < WRITE_EVERY_MS) return;
      written.set(nodeKey(node), { text, atMs: now });
      await write(node, presence);
    },
    async left(node, presence) {
      written.delete(nodeKey(node));
      await write(node, presence);
    },
  };
};
