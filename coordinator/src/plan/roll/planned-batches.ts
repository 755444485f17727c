import type { PlannedBatch } from '@remora/shared/model/plan.ts';
import type { NodeId } from '../node/node-id.ts';
import type { StoredPlan } from '../steps.ts';
import { type BatchOptions, batchLimits, nextOfRoll, type RollingCluster, readyOf } from './batches.ts';

/** A cluster whose nodes roll, and which of them have agents that are away. */
export interface RollPreview extends RollingCluster {
  readonly away: readonly string[];
}

type Rolls = Pick<StoredPlan, 'stages' | 'steps'>;

/** The nodes of each roll of a plan, in its order. */
export const rollsOf = ({ stages, steps }: Rolls): NodeId[][] =>
  stages
    .filter(({ mode }) => mode === 'roll')
    .map(({ id }) => steps.flatMap((step) => (step.stage === id && step.kind === 'node.change' ? [step.input] : [])))
    .filter((nodes) => nodes.length > 0);

const sharedValue = (
  facts: RollingCluster,
  [first]: readonly string[],
  attribute: string | undefined,
): string | null =>
  attribute === undefined ? null : (facts.nodes.find(({ name }) => name === first)?.attributes[attribute] ?? null);

/** One roll, as if every batch came back and nothing moved meanwhile. */
const batchesOfRoll = (nodes: readonly NodeId[], facts: RollPreview, options: BatchOptions): PlannedBatch[] => {
  const batches: PlannedBatch[] = [];
  const { cluster = '' } = nodes[0] ?? {};
  for (let left = nodes.map(({ node }) => node); left.length > 0; ) {
    const online = left.filter((node) => !facts.away.includes(node));
    const ready = readyOf(left, online);
    const continued = batches.length > 0;
    const next = nextOfRoll(facts, ready, batchLimits(options, { total: nodes.length, left: left.length, continued }));
    // A node that the cluster does not know takes its turn alone, as in a run.
    const batch = next.length > 0 ? next : ready.slice(0, 1);
    batches.push({
      ...{ cluster, nodes: batch, attribute: sharedValue(facts, batch, options.batchBy) },
      ...{ canary: options.canary === true && !continued, away: online.length === 0 },
    });
    left = left.filter((node) => !batch.includes(node));
  }
  return batches;
};

/**
 * The batches that the rolls of a plan would make if nothing changed, by the rules of the run, which decides anew before each of them. A canary is the first
 * node of the first roll: once somebody said to go on, the run does not pause again.
 */
export const plannedBatches = (
  plan: Rolls,
  clusters: ReadonlyMap<string, RollPreview>,
  options: BatchOptions,
): PlannedBatch[] =>
  rollsOf(plan).flatMap((nodes, index) => {
    const facts = clusters.get(nodes[0]?.cluster ?? '') ?? { nodes: [], shards: [], away: [] };
    return batchesOfRoll(nodes, facts, index === 0 ? options : { ...options, canary: false });
  });
