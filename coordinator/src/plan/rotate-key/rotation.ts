import type { KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import type { ConnectionRecord } from '../connection/connection-records.ts';
import type { PlanContext } from '../context.ts';
import type { ClusterObservation } from '../facts.ts';
import { type ClusterKey, type FoundKey, isKeyMostlyOver, isMarkedFor, sameAccess } from '../keys/cluster-key.ts';
import { keyConfig, keyVersion, newKeySecret, ownMetadata } from '../keys/key-names.ts';
import type { KeyRotationFacts } from './facts.ts';

/** One connection whose key is replaced. */
export interface KeyRotation {
  /** As it stands on record. */
  readonly standing: ConnectionRecord;
  /** As it will stand there. */
  readonly connection: ConnectionRecord;
  /** Undefined where it could not be looked at. */
  readonly local: ClusterObservation | undefined;
  readonly remote: ClusterObservation | undefined;
  /** The key that the connection has on record. */
  readonly current: FoundKey | undefined;
  /** A key that an earlier rotation made, which did not come to its end, and that is what is wanted: `current` itself where only the old one is left to go. */
  readonly next: FoundKey | undefined;
  /** Keys that still let somebody in and are invalidated at the end. */
  readonly old: readonly FoundKey[];
  /** Keys that a crash left: nobody has their secrets. */
  readonly strays: readonly ClusterKey[];
  readonly configHash: string;
  /** Null where its metadata cannot be known any more. */
  readonly metadata: object | null;
  /** What the new key demands of a signature; null for nothing. */
  readonly identity: string | null;
}

const byVersion = (keys: readonly FoundKey[], ends: ConnectionRecord): FoundKey[] =>
  keys.filter((one) => keyVersion(one, ends) > 0).sort((a, b) => keyVersion(a, ends) - keyVersion(b, ends));

/** What the key of a connection demands of a signature, null for nothing; of one that its cluster has forgotten what is on record. */
const demandOf = (current: FoundKey | undefined, { signing }: ConnectionRecord): string | null =>
  current?.key ? current.key.certificateIdentity : (signing?.identity ?? null);

/** Whether a key that is there is what a new one would be. */
const isLikeNew = (
  { record, key, usable }: FoundKey,
  wanted: Pick<KeyRotation, 'standing' | 'current' | 'configHash'>,
  nowMs: number,
): boolean => {
  const { standing, current, configHash } = wanted;
  if (!usable || key === null || record.configHash !== configHash || isKeyMostlyOver(key, nowMs)) return false;
  // Of an old key that is gone nobody knows what it demanded, where that is not on record.
  const isKnown = current?.key || standing.signing !== undefined;
  const identity = isKnown ? demandOf(current, standing) : key.certificateIdentity;
  return sameAccess(key.access, standing.access) && key.certificateIdentity === identity;
};

/** The newest of these that a rotation can go on with. That on record is one where an older one still lets somebody in: then all that is left is to end that. */
const nextOf = (
  keys: readonly FoundKey[],
  wanted: Pick<KeyRotation, 'standing' | 'current' | 'configHash'>,
  nowMs: number,
): FoundKey | undefined => {
  const { current, standing } = wanted;
  const version = (one: FoundKey): number => keyVersion(one, standing);
  const isOpen = current && keys.some((one) => one.usable && version(one) < version(current));
  return keys.findLast(
    (one) =>
      (!current || version(one) > version(current) || (isOpen && one === current)) && isLikeNew(one, wanted, nowMs),
  );
};

/** What becomes of a connection's key. */
export const rotationOf = (
  standing: ConnectionRecord,
  { expires: life }: Pick<KeyRotateRequest, 'expires'>,
  facts: KeyRotationFacts,
  context: PlanContext,
): KeyRotation => {
  const keys = byVersion(facts.keys, standing);
  const current = keys.find(({ record }) => record.secret === standing.keySecret);
  const metadata = standing.metadata ?? (current?.key ? ownMetadata(current.key.metadata) : null);
  const expires = life ?? standing.expires;
  const configHash = context.hash(keyConfig(standing.access, expires, metadata ?? {}));
  const next = nextOf(keys, { standing, current, configHash }, Date.parse(context.now));
  const keySecret = next?.record.secret ?? newKeySecret(facts, standing);
  const seen = (wanted: string) => facts.clusters.find(({ name }) => name === wanted);
  const local = seen(standing.local);
  return {
    ...{ standing, current, next, configHash, metadata, local, identity: demandOf(current, standing) },
    connection: { ...standing, keySecret, expires },
    remote: seen(standing.remote),
    old: keys.filter((one) => one.usable && one !== next),
    strays: facts.strays
      .filter(({ cluster, key }) => cluster === standing.remote && isMarkedFor(key, standing, local?.clusterUuid ?? ''))
      .map(({ key }) => key),
  };
};
