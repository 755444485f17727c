import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { systemClock } from '../clock.ts';
import { type FleetCa, openNextFleetCa } from '../pki/fleet-ca/fleet-ca.ts';
import { removeNextFleetCa, writeTrusted } from '../pki/fleet-ca/fleet-ca-files.ts';
import { type FleetCaState, type FleetCas, openFleetCas, soleFleetCa } from '../pki/fleet-ca/fleet-cas.ts';
import { bindFile, refuseOtherFile } from '../store/bound-files.ts';
import { refuseToJoin } from './others.ts';
import { type RotationRecord, rotationRecords } from './rotation-record.ts';
import { nextIsMissing, stateIn } from './rotation-state.ts';

interface Opening {
  readonly redis: Redis;
  readonly dataDir: string;
  /** A private store lies beside the files: whoever takes them away there, and leaves the store, wants new ones. */
  readonly isPrivate: boolean;
  readonly coordinatorId: string;
  /** As `fleet-ca.crt` and `fleet-ca.key` say. */
  readonly fleetCa: FleetCa;
}

const fileOf = ({ fleetCa, dataDir }: Pick<Opening, 'fleetCa' | 'dataDir'>) => ({
  ...{ name: 'fleetCaFingerprint' as const, value: fleetCa.fingerprint256, path: join(dataDir, 'fleet-ca.crt') },
});

const isOneOf = ({ from, to }: Pick<RotationRecord, 'from' | 'to'>, fingerprint256: string): boolean =>
  [from, to].some((ca) => ca.fingerprint256 === fingerprint256);

/** As the rotation that goes on has it; in `drop` the files may be those of either. */
const stateDuring = async (opening: Opening, record: RotationRecord): Promise<FleetCaState> => {
  const { fleetCa, dataDir } = opening;
  if (fleetCa.fingerprint256 === record.to.fingerprint256) return soleFleetCa(fleetCa);
  const next = await openNextFleetCa({ directory: dataDir, now: systemClock });
  if (next?.fingerprint256 !== record.to.fingerprint256) throw nextIsMissing(dataDir, record.to.fingerprint256);
  return stateIn(record.phase, fleetCa, next);
};

/**
 * The fleet CA of this data directory, and the next one while it is being rotated: then the store may belong to either of the two. Throws `data-directory` where
 * the store belongs to another one or a file is missing, `conflict` where another coordinator rotates it.
 */
export const openBoundFleetCas = async (opening: Opening): Promise<FleetCas> => {
  const { redis, dataDir, isPrivate, fleetCa } = opening;
  const records = rotationRecords(redis, systemClock);
  const found = await records.find();
  const file = fileOf(opening);
  if (found && isOneOf(found.record, file.value)) {
    await refuseOtherFile(redis, file, [found.record.from.fingerprint256, found.record.to.fingerprint256]);
    await refuseToJoin(opening, found.record);
    const state = await stateDuring(opening, found.record);
    await writeTrusted(
      dataDir,
      state.trusted.map(({ certificatePem }) => certificatePem),
    );
    return openFleetCas(state);
  }
  await bindFile(redis, { ...file, dataDir, replace: isPrivate });
  if (found && (await records.abandon(found))) await removeNextFleetCa(dataDir);
  await writeTrusted(dataDir, [fleetCa.certificatePem]);
  return openFleetCas(soleFleetCa(fleetCa));
};
