import type { Stage } from '../steps.ts';
import { reissueStages } from './reissue.ts';

/** How a CA is replaced. Whoever connects trusts both before anything is served by the new one, and only that one once nothing is served by the old one. */
export const caRotationStages: readonly Stage[] = [
  { id: 'prepare', title: 'Make the new CA', mode: 'serial' },
  { id: 'trust-both', title: 'Have every node that connects trust both', mode: 'parallel' },
  { id: 'prove-both', title: 'Prove that both are trusted', mode: 'parallel' },
  ...reissueStages,
  { id: 'handshakes', title: 'Prove trust in the new CA alone', mode: 'parallel' },
  { id: 'cross', title: 'Prove the connections', mode: 'serial' },
  { id: 'record', title: 'Note the new CA of the connections', mode: 'serial' },
  { id: 'trust-new', title: 'Take the old CA out', mode: 'parallel' },
  { id: 'prove-new', title: 'Prove that the new one alone is trusted', mode: 'parallel' },
  { id: 'cross-again', title: 'Prove the connections once more', mode: 'serial' },
  { id: 'retire', title: 'Retire the old CA', mode: 'serial' },
];

/** What such a run does to nodes is taken back in parts: the bundles twice, the servers in between. */
export const rotationPhases = { trustBoth: 0, serve: 1, trustNew: 2 } as const;

export const rotationPhase = (stage: string): number => {
  if (stage === 'trust-both') return rotationPhases.trustBoth;
  return stage === 'trust-new' ? rotationPhases.trustNew : rotationPhases.serve;
};
