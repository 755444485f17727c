import type { Plan, PlannedBatch } from '@remora/shared/model/plan.ts';
import { wrap } from './text.ts';

/** Batches of one node that differ in nothing else are one line: a roll one by one of 150 nodes is not 150 lines. */
const isAlike = (a: PlannedBatch, b: PlannedBatch): boolean =>
  a.nodes.length === 1 &&
  b.nodes.length === 1 &&
  !a.canary &&
  a.cluster === b.cluster &&
  a.attribute === b.attribute &&
  a.away === b.away;

interface Row {
  /** Counted from 1. */
  readonly first: number;
  readonly batches: PlannedBatch[];
}

const rowsOf = (batches: readonly PlannedBatch[]): Row[] => {
  const rows: Row[] = [];
  for (const [index, batch] of batches.entries()) {
    const row = rows.at(-1);
    const before = row?.batches.at(-1);
    if (row && before && isAlike(before, batch)) row.batches.push(batch);
    else rows.push({ first: index + 1, batches: [batch] });
  }
  return rows;
};

const rowText = ({ first, batches }: Row, { roll, clusters }: Pick<Plan, 'roll' | 'clusters'>): string => {
  const [one] = batches;
  const last = first + batches.length - 1;
  const notes = [
    ...(batches.length > 1 ? ['one node each'] : []),
    ...(clusters.length > 1 ? [`cluster ${one?.cluster}`] : []),
    ...(one && one.attribute !== null ? [`${roll.batchBy} ${one.attribute}`] : []),
    ...(one?.canary ? ['canary: the run then pauses for `remora runs continue`'] : []),
    ...(one?.away ? [`agent${batches.length > 1 || one.nodes.length > 1 ? 's' : ''} away, so after the others`] : []),
  ];
  const name = batches.length > 1 ? `batches ${first} to ${last}` : `batch ${first}`;
  return `${name}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}: ${batches.flatMap(({ nodes }) => nodes).join(', ')}`;
};

/** Whether there is more to say of the restarts of a plan than their order. */
export const hasBatches = ({ batches, roll }: Plan): boolean =>
  batches.length > 0 && (Object.keys(roll).length > 0 || batches.some(({ away }) => away));

/** What restarts together and in which order, lines that fit the terminal. */
export const batchLines = (plan: Plan): string[] => {
  const count = `${plan.batches.length} batch${plan.batches.length === 1 ? '' : 'es'}`;
  const apart = plan.batches.length > 1 && (plan.roll.serial ?? plan.roll.batchBy) !== undefined;
  const rules = apart ? ', masters alone and no shard or role as a whole' : '';
  return [
    wrap(`Restarts in ${count}${rules}; the run decides anew before each:`, ''),
    ...rowsOf(plan.batches).map((row) => wrap(rowText(row, plan), '  ')),
  ];
};
