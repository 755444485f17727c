import { explain } from '../elasticsearch/client.ts';
import { listNodes, listShards } from '../elasticsearch/observe-cluster.ts';
import type { NodeId } from '../plan/node/node-id.ts';
import type { BatchOptions } from '../plan/roll/batches.ts';
import { type RollPreview, rollsOf } from '../plan/roll/planned-batches.ts';
import type { StoredPlan } from '../plan/steps.ts';
import type { GateParts } from './roll-gates.ts';

export type RollParts = GateParts;

const observeRoll = async (
  { clients, isOnline }: RollParts,
  nodes: readonly NodeId[],
  { serial, batchBy }: BatchOptions,
): Promise<RollPreview> => {
  const { cluster = '' } = nodes[0] ?? {};
  try {
    const client = await clients.get(cluster);
    const [known, shards, online] = await Promise.all([
      listNodes(client),
      // One by one, no shard decides anything.
      serial === undefined && batchBy === undefined ? [] : listShards(client),
      Promise.all(nodes.map(({ node }) => isOnline({ cluster, node }))),
    ]);
    return { nodes: known, shards, away: nodes.flatMap(({ node }, index) => (online[index] ? [] : [node])) };
  } catch (error) {
    throw explain(error, cluster, 'Looking at its nodes');
  }
};

/** Each cluster whose nodes a plan restarts, as far as it decides which of them restart together. */
export const observeRolls = async (
  parts: RollParts,
  plan: StoredPlan,
  options: BatchOptions,
): Promise<Map<string, RollPreview>> =>
  new Map(
    await Promise.all(
      rollsOf(plan).map(
        async (nodes): Promise<[string, RollPreview]> => [
          nodes[0]?.cluster ?? '',
          await observeRoll(parts, nodes, options),
        ],
      ),
    ),
  );
