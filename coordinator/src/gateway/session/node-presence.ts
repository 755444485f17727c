import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import type { Inventory } from '../../store/inventory.ts';

/** What a session says of its node. */
export interface Presence {
  readonly running: boolean;
  readonly agentVersion: string;
  readonly configDir: string;
  /** What the cluster said of the node, once it was asked. */
  readonly nodeId?: string;
  readonly version?: string;
}

/** Without a change, `lastSeen` is written this often: a fleet's beats every 5 s would be all that Redis does. */
const WRITE_EVERY_MS = 30_000;

export interface NodePresence {
  /** Notes a sign of life; writes on a change, and every 30 s else. */
  seen(node: NodeId, presence: Presence): Promise<void>;
  /** Writes `lastSeen` now and forgets the node: its session ended. */
  left(node: NodeId, presence: Presence): Promise<void>;
}

/** Keeps `lastSeen` and what agents say in the node records. A node that was removed meanwhile is not written back. */
export const trackPresence = (nodes: Pick<Inventory['nodes'], 'change'>): NodePresence => {
  const written = new Map<string, { readonly text: string; readonly atMs: number }>();
  const write = async (node: NodeId, presence: Presence): Promise<void> => {
    const lastSeen = new Date().toISOString();
    await nodes.change(nodeKey(node), (record) => ({ ...record, ...presence, lastSeen }));
  };
  return {
    async seen(node, presence) {
      const last = written.get(nodeKey(node));
      const text = JSON.stringify(presence);
      const now = performance.now();
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
