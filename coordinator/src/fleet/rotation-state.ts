import { join } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import type { FleetRotationPhase } from '@remora/shared/model/fleet.ts';
import type { FleetCa } from '../pki/fleet-ca/fleet-ca.ts';
import type { FleetCaState } from '../pki/fleet-ca/fleet-cas.ts';

/** Who signs and who is trusted in a phase. In `drop` that is so until the old one is gone. */
export const stateIn = (phase: FleetRotationPhase, old: FleetCa, next: FleetCa): FleetCaState => {
  const trusted = [old, next];
  if (phase === 'back') return { trusted, signing: old, lasting: old };
  return { trusted, signing: phase === 'trust' ? old : next, lasting: next };
};

/** The files of the next CA are not there, or another one's. */
export const nextIsMissing = (dataDir: string, fingerprint256: string): RemoraError => {
  const files = ['fleet-ca-next.crt', 'fleet-ca-next.key'].map((name) => join(dataDir, name)).join(' and ');
  return new RemoraError(
    'data-directory',
    `The fleet CA is being rotated to ${fingerprint256}, and ${files} are not that one.`,
    {
      hint: 'Copy both from a back-up, or from the coordinator that began the rotation. To begin with a new fleet CA, for which every agent has to join again, remove fleet-ca.crt and fleet-ca.key too.',
    },
  );
};
