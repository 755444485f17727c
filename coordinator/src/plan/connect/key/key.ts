import type { ConnectFacts, KeyObservation } from '../../facts.ts';
import { type Ends, keyGrants, keyNameOf, keyVersion, markedMetadata, newKeySecret } from '../../keys/key-names.ts';
import type { AnyStep } from '../../steps.ts';
import type { ConnectDraft } from '../draft.ts';

type KeyFacts = Pick<ConnectFacts, 'keys' | 'secretVersions'>;

/**
 * The key that the connection has: the newest that was created for it and is usable, also one that an interrupted run left behind, since its secret is
 * known. Undefined when there is none.
 */
export const standingKey = (facts: KeyFacts, ends: Ends): KeyObservation | undefined =>
  facts.keys
    .filter((key) => key.usable && keyVersion(key, ends) > 0)
    .reduce<KeyObservation | undefined>(
      (best, key) => (best && keyVersion(best, ends) > keyVersion(key, ends) ? best : key),
      undefined,
    );

/** Whether what is wanted takes another key: only the user to whom one belongs may change it. */
const isReplaced = ({ otherOwner, record }: KeyObservation, configHash: string): boolean =>
  otherOwner !== undefined && record.configHash !== configHash;

/** The secret of the connection's key, which is to be as the hash says: of the one that stands, else of one that is yet to be made. */
export const keySecretOf = (facts: KeyFacts, ends: Ends, configHash: string): string => {
  const standing = standingKey(facts, ends);
  return standing && !isReplaced(standing, configHash) ? standing.record.secret : newKeySecret(facts, ends);
};

/** What the key needs: to be made, to grant something else, or nothing. */
export const keySteps = (draft: ConnectDraft): AnyStep[] => {
  const { facts, record, request, keyConfigHash } = draft;
  const standing = standingKey(facts, request);
  if (standing?.record.configHash === keyConfigHash) return [];
  const grants = keyGrants(record.access, record.expires);
  const input = {
    cluster: facts.remote.name,
    access: record.access,
    expiration: record.expires,
    metadata: markedMetadata(request.metadata, {
      local: request.local,
      local_cluster_uuid: facts.local.clusterUuid,
      alias: request.alias,
      configHash: keyConfigHash,
    }),
    configHash: keyConfigHash,
    secret: record.keySecret,
  };
  const { wish } = draft.signing;
  const identity = wish === null ? {} : { certificateIdentity: wish.identity };
  const demands = wish === null ? '' : `, certificate_identity ${wish.identity}`;
  const step = { target: facts.remote.name, effect: 'api', stage: 'api-key' } as const;
  const isOther = standing !== undefined && isReplaced(standing, keyConfigHash);
  if (standing && !isOther) {
    const reason = 'the key grants something else than is wanted';
    const diff = `~ key ${standing.record.name}: ${grants}\n  key's secret ${record.keySecret} (unchanged)`;
    return [
      {
        ...step,
        id: 'update-api-key',
        kind: 'api-key.update',
        reason,
        diff,
        input: { ...input, id: standing.record.id },
      },
    ];
  }
  const name = keyNameOf(request);
  const reason = isOther
    ? `the key grants something else than is wanted, and belongs to user ${standing.otherOwner}, who alone may change it: another one takes its place`
    : 'the connection has no usable key';
  const diff = `+ key ${name}-…: ${grants}${demands}\n+ key's secret ${record.keySecret} (new)`;
  return [
    { ...step, id: 'create-api-key', kind: 'api-key.create', reason, diff, input: { ...input, ...identity, name } },
  ];
};
