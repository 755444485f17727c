import { RemoraError } from '@remora/shared/errors.ts';
import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import type { ConnectionRecord } from '../connection/connection-records.ts';
import type { PlanContext } from '../context.ts';
import type { ClusterObservation } from '../facts.ts';
import type { ClusterKey, FoundKey } from '../keys/cluster-key.ts';
import { keyConfig, keyVersion, newKeySecret } from '../keys/key-names.ts';
import type { KeyReplacement } from '../keys/new-key.ts';
import { authoritiesOf } from './authority.ts';
import type { AdoptionFacts } from './facts.ts';
import { foreignKeys, keyBefore, standingOf } from './found-key.ts';
import { recordFor, refreshed } from './record.ts';

/** A connection that is taken over. */
export interface Adoption {
  readonly request: AdoptRequest;
  readonly facts: AdoptionFacts;
  readonly remote: ClusterObservation;
  /** As it stands on record; undefined of one that is not managed yet. */
  readonly standing: ConnectionRecord | undefined;
  /** As it will stand there, with its new key. */
  readonly replacement: KeyReplacement;
  /** The key that the nodes had; undefined where the remote cluster does not know it any more. */
  readonly before: ClusterKey | undefined;
}

/** The newest usable key that was made for the connection as it is wanted: one that an interrupted run left is gone on with, since its value is known. */
const madeKey = ({ keys }: AdoptionFacts, record: ConnectionRecord, configHash: string): FoundKey | undefined =>
  keys
    .filter(({ usable, ...key }) => usable && keyVersion(key, record) > 0 && key.record.configHash === configHash)
    .sort((a, b) => keyVersion(a, record) - keyVersion(b, record))
    .at(-1);

/** What is to become of the connection, whose facts forbid nothing. */
export const adoptionOf = (request: AdoptRequest, facts: AdoptionFacts, context: PlanContext): Adoption => {
  const { local, remote } = facts;
  const standing = standingOf(facts, request);
  const [key] = foreignKeys(facts);
  const authorities = authoritiesOf(request, facts);
  const [ca] = authorities;
  if (!remote) throw new RemoraError('internal', 'the remote cluster is not known');
  const record = standing
    ? refreshed(standing, facts, authorities)
    : key && ca
      ? recordFor(request, { ...facts, remote }, { key, ca })
      : undefined;
  if (!record) throw new RemoraError('internal', 'neither the key nor the CA of the connection is known');
  const configHash = context.hash(keyConfig(record.access, record.expires, record.metadata));
  const next = madeKey(facts, record, configHash);
  const before = record.adopted && keyBefore(facts, record.adopted.key.id);
  const connection = { ...record, keySecret: next?.record.secret ?? newKeySecret(facts, record) };
  const current = before && { record: before };
  const metadata = record.metadata ?? {};
  const identity = record.signing?.identity ?? before?.certificateIdentity ?? null;
  return {
    request,
    facts,
    remote,
    standing,
    before,
    replacement: { connection, local, current, next, configHash, metadata, identity },
  };
};
