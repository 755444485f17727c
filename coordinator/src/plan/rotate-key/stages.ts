import type { Stage } from '../steps.ts';

/** In this order; what a stage does rests on all that were before it, for every connection of the plan. */
export const keyRotationStages: readonly Stage[] = [
  { id: 'api-key', title: 'Make new API keys', mode: 'serial' },
  { id: 'keystores', title: 'Put them into the keystores', mode: 'parallel' },
  { id: 'reload', title: 'Reload secure settings', mode: 'parallel' },
  { id: 'prove', title: 'Prove the connections with the new keys', mode: 'parallel' },
  { id: 'in-use', title: 'Ask which key each node uses', mode: 'parallel' },
  { id: 'record', title: 'Put the new keys on record', mode: 'serial' },
  { id: 'retire', title: 'Invalidate the old keys', mode: 'parallel' },
  { id: 'prove-again', title: 'Prove the connections without the old keys', mode: 'parallel' },
  { id: 'strays', title: 'Invalidate keys that nobody knows', mode: 'parallel' },
];
