import type { NodeObservation } from './facts.ts';

type Ordered = Pick<NodeObservation, 'name' | 'roles' | 'electedMaster'>;

const rank = (node: Ordered): number => (node.electedMaster ? 2 : node.roles.includes('master') ? 1 : 0);

/** The order of a roll: nodes that cannot be master first, the elected master last, by name within each group. */
export const rollOrder = <T extends Ordered>(nodes: readonly T[]): T[] =>
  [...nodes].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en', { numeric: true }));
