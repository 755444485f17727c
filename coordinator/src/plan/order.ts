import type { NodeObservation } from './facts.ts';

type Named = Pick<NodeObservation, 'name'>;

/** By name as people count, node-2 before node-10. Never 0 for two names, so that an order does not depend on how the cluster listed its nodes. */
export const byName = (a: Named, b: Named): number =>
  a.name.localeCompare(b.name, 'en', { numeric: true }) || (a.name < b.name ? -1 : 1);

type Ordered = Pick<NodeObservation, 'name' | 'roles' | 'electedMaster'>;

const rank = (node: Ordered): number => (node.electedMaster ? 2 : node.roles.includes('master') ? 1 : 0);

/** The order of a roll: nodes that cannot be master first, the elected master last, by name within each group. */
export const rollOrder = <T extends Ordered>(nodes: readonly T[]): T[] =>
  [...nodes].sort((a, b) => rank(a) - rank(b) || byName(a, b));
