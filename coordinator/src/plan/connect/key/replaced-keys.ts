import { DEFAULT_GRACE } from '@remora/shared/model/requests/key-request.ts';
import { parseDurationOrNone } from '@remora/shared/model/values/duration.ts';
import { onlyNodes, placeOf } from '../../connection/alias-place.ts';
import { proofOf } from '../../connection/connection-records.ts';
import { refusedIndex } from '../../keys/cluster-key.ts';
import { keyVersion } from '../../keys/key-names.ts';
import type { AnyStep } from '../../steps.ts';
import type { ConnectDraft } from '../draft.ts';

const STAGE = 'retire';

/**
 * Ends the keys of other users whose place another one took, once every node uses that: also those that an interrupted run left. The order is that of a rotation: which key
 * each node uses, the old one, and a proof without it.
 */
export const replacedKeySteps = ({ facts, request, record }: ConnectDraft): AnyStep[] => {
  const old = facts.keys.filter(
    (key) =>
      key.usable &&
      key.otherOwner !== undefined &&
      keyVersion(key, request) > 0 &&
      key.record.secret !== record.keySecret,
  );
  if (old.length === 0) return [];
  const { local, alias, keySecret, access } = record;
  return [
    {
      ...{ id: 'key-in-use', kind: 'api-key.verify', target: local, effect: 'none', diff: '', stage: STAGE },
      reason: 'the key whose place another one took must not be needed by anybody',
      input: {
        ...{ local, alias, secret: keySecret, refusedIndex: refusedIndex(access) },
        ...onlyNodes(placeOf(record)),
      },
    },
    ...old.map(
      ({ record: { cluster, id, name, secret }, otherOwner }): AnyStep => ({
        ...{ id: `retire-key-${id}`, kind: 'api-key.invalidate', target: cluster, effect: 'api', stage: STAGE },
        reason: `it belongs to user ${otherOwner}, and every node uses the one that took its place`,
        diff: `- key ${name} (${secret})`,
        input: { cluster, id, secret, locals: [local], graceMs: parseDurationOrNone(DEFAULT_GRACE) },
      }),
    ),
    {
      ...{ id: 'prove-without-old-key', kind: 'connection.prove', target: local, effect: 'none', diff: '' },
      ...{ reason: 'the connection must work without it', stage: STAGE, input: proofOf(record) },
    },
  ];
};
