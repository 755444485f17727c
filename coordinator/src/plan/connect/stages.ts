import { localStages } from '../local-side.ts';
import type { Stage } from '../steps.ts';

/** Of the remote cluster, and the key. */
export const remoteStages: readonly Stage[] = [
  { id: 'prepare', title: 'Prepare', mode: 'serial' },
  { id: 'certificates', title: 'Issue certificates', mode: 'parallel' },
  { id: 'remote-files', title: 'Place files on the remote cluster', mode: 'parallel' },
  { id: 'remote-roll', title: 'Roll the remote cluster', mode: 'roll' },
  { id: 'remote-verify', title: 'Verify the remote cluster server', mode: 'parallel' },
  { id: 'api-key', title: 'Cross-cluster API key', mode: 'serial' },
];

export const stages: readonly Stage[] = [
  ...remoteStages,
  ...localStages,
  { id: 'retire', title: 'Invalidate the key whose place another one took', mode: 'serial' },
];
