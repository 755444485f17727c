import type { Estimate, PlannedBatch } from '@remora/shared/model/plan.ts';
import { formatDuration } from '@remora/shared/model/values/duration.ts';
import type { NodeId } from '../node/node-id.ts';
import type { RestartTimesRecord } from '../records.ts';

/** So many restarts of a node are remembered. */
const KEPT = 5;

/** The record with one more time, the oldest forgotten. */
export const withTime = (
  before: RestartTimesRecord | null,
  { cluster, node }: NodeId,
  time: RestartTimesRecord['times'][number],
): RestartTimesRecord => ({ cluster, node, times: [...(before?.times ?? []), time].slice(-KEPT) });

const median = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

const textOf = (ms: number | null, unknown: readonly string[]): string => {
  if (ms === null)
    return `unknown, since no restart of ${unknown.length === 1 ? 'this node' : 'these nodes'} was measured yet`;
  const rest = unknown.length === 0 ? '' : `; unknown for ${unknown.join(', ')}`;
  return `about ${formatDuration(ms)} from the last restarts of these nodes${rest}`;
};

/**
 * How long the restarts of a plan take, batch after batch: of each node the median of those that were measured, of each batch its slowest node. A node without
 * any is named, never guessed. Waiting at gates is not in it.
 */
export const estimateOf = (
  batches: readonly Pick<PlannedBatch, 'cluster' | 'nodes'>[],
  measured: readonly RestartTimesRecord[],
): Estimate => {
  if (batches.length === 0) return { seconds: null, unknown: [], text: 'no node is restarted' };
  const times = batches.map(({ cluster, nodes }) =>
    nodes.map((node) => {
      const record = measured.find((one) => one.cluster === cluster && one.node === node);
      return { node, ms: median(record?.times.map(({ ms }) => ms) ?? []) };
    }),
  );
  const slowest = times.flatMap((batch) => {
    const known = batch.flatMap(({ ms }) => ms ?? []);
    return known.length === 0 ? [] : [Math.max(...known)];
  });
  const sum = slowest.length === 0 ? null : slowest.reduce((all, ms) => all + ms, 0);
  const unknown = times.flat().flatMap(({ node, ms }) => (ms === undefined ? [node] : []));
  return { seconds: sum === null ? null : Math.round(sum / 1000), unknown, text: textOf(sum, unknown) };
};
