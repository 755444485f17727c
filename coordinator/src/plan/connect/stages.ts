import { localStages } from '../connection/local-side.ts';
import type { Stage } from '../steps.ts';
import { deploymentStages } from './deployment.ts';
import { narrowStages, widenStage } from './signing/resigning.ts';
import { signStage } from './signing/signing.ts';
import { demandOffStage, signOffStage, unsignedStages } from './signing/unsigned.ts';

/** Of the remote cluster, and the key, which comes first: what Elasticsearch refuses of it is refused before a node was changed. */
export const remoteStages: readonly Stage[] = [
  { id: 'prepare', title: 'Prepare', mode: 'serial' },
  { id: 'api-key', title: 'Cross-cluster API key', mode: 'serial' },
  { id: 'certificates', title: 'Issue certificates', mode: 'parallel' },
  { id: 'remote-files', title: 'Place files on the remote cluster', mode: 'parallel' },
  { id: 'remote-roll', title: 'Roll the remote cluster', mode: 'roll' },
  { id: 'remote-verify', title: 'Verify the remote cluster server', mode: 'parallel' },
  { id: 'signing-trust', title: 'Have the remote cluster take signatures', mode: 'serial' },
];

export const stages: readonly Stage[] = [
  ...remoteStages,
  demandOffStage,
  widenStage,
  ...localStages.flatMap((stage): Stage[] =>
    stage.id === 'connect' ? [...deploymentStages, signStage, signOffStage, stage] : [stage],
  ),
  { id: 'retire', title: 'Invalidate the key whose place another one took', mode: 'serial' },
  { id: 'signed', title: 'Prove the new signing certificates', mode: 'parallel' },
  { id: 'identity', title: 'Demand signatures', mode: 'serial' },
  ...narrowStages,
  ...unsignedStages,
];
