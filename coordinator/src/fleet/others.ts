import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { livingCoordinators } from '../backup/store-copy.ts';
import { systemClock } from '../clock.ts';
import { type RotationRecord, rotationRecords } from './rotation-record.ts';

interface Who {
  readonly redis: Redis;
  readonly coordinatorId: string;
}

/** In a lasting order, so that a sentence that names them is the same as long as they are. */
const othersOf = async ({ redis, coordinatorId }: Who): Promise<string[]> =>
  (await livingCoordinators(redis)).filter((id) => id !== coordinatorId).sort();

/** Throws `conflict` where others work with the store: who rotates the fleet CA does so alone, since the next one is in the files of one coordinator only. */
export const refuseOthers = async (who: Who): Promise<void> => {
  const others = await othersOf(who);
  if (others.length === 0) return;
  throw new RemoraError(
    'conflict',
    `Other coordinators work with this store (${others.join(', ')}), and would not have the new fleet CA.`,
    {
      hint: 'Stop them until it was rotated, then copy fleet-ca.crt and fleet-ca.key of this one to their data directories. One that was killed counts as living for ten seconds more.',
    },
  );
};

/** Throws `conflict` at a start where others live while this rotation goes on: one of them has the next CA. */
export const refuseToJoin = async (who: Who, { startedAt }: RotationRecord): Promise<void> => {
  const others = await othersOf(who);
  if (others.length === 0) return;
  throw new RemoraError(
    'conflict',
    `The fleet CA is being rotated since ${startedAt}, by another coordinator of this store (${others.join(', ')}).`,
    {
      hint: 'Start this one when that has ended: `remora fleet status` tells. Then copy fleet-ca.crt and fleet-ca.key of that one here. One that was killed counts as living for ten seconds more.',
    },
  );
};

/** The same once this coordinator is known to live: whoever began one before that moment did not see it. */
export const refuseToStay = async (who: Who): Promise<void> => {
  const found = await rotationRecords(who.redis, systemClock).find();
  if (found) await refuseToJoin(who, found.record);
};
