import type { ConnectRequest } from '@remora/shared/model/connect-request.ts';
import { parseSecretReference } from '@remora/shared/model/secret-reference.ts';
import type { ConnectFacts, KeyObservation } from '../facts.ts';
import type { AnyStep } from '../steps.ts';
import type { ConnectDraft } from './draft.ts';

type KeyFacts = Pick<ConnectFacts, 'keys' | 'secretVersions'>;
type Ends = Pick<ConnectRequest, 'local' | 'remote' | 'alias'>;

const secretName = ({ local, alias }: Ends): string => `connection/${local}/${alias}/api-key`;

/** Version of the secret that holds this key, when the key was made for this connection; else 0. */
const versionOf = ({ record }: KeyObservation, ends: Ends): number => {
  const { name, version } = parseSecretReference(record.secret);
  return record.cluster === ends.remote && name === secretName(ends) ? (version ?? 1) : 0;
};

/**
 * The key that the connection has: the newest that was created for it and is usable, also one that an interrupted run left behind, since its secret is
 * known. Undefined when there is none.
 */
export const standingKey = (facts: KeyFacts, ends: Ends): KeyObservation | undefined =>
  facts.keys
    .filter((key) => key.usable && versionOf(key, ends) > 0)
    .reduce<KeyObservation | undefined>(
      (best, key) => (best && versionOf(best, ends) > versionOf(key, ends) ? best : key),
      undefined,
    );

/**
 * The secret of the connection's key: of the one that stands, else the version after all that were ever minted *or filed*. A key that was filed and whose
 * secret was lost in a crash keeps its record that way, so that it stays known.
 */
export const keySecretOf = (facts: KeyFacts, ends: Ends): string => {
  const standing = standingKey(facts, ends);
  if (standing) return standing.record.secret;
  const filed = facts.keys.map((key) => versionOf(key, ends));
  return `secret:${secretName(ends)}@${Math.max(facts.secretVersions[secretName(ends)] ?? 0, ...filed) + 1}`;
};

const metadataOf = ({ request, keyConfigHash, facts }: ConnectDraft): Record<string, unknown> => ({
  ...request.metadata,
  managed_by: 'remora',
  remora: {
    local: request.local,
    local_cluster_uuid: facts.local.clusterUuid,
    alias: request.alias,
    config: keyConfigHash.slice(0, 16),
  },
});

/** What the key needs: to be made, to grant something else, or nothing. */
export const keySteps = (draft: ConnectDraft): AnyStep[] => {
  const { facts, record, request, keyConfigHash } = draft;
  const standing = standingKey(facts, request);
  if (standing?.record.configHash === keyConfigHash) return [];
  const grants = `access ${JSON.stringify(record.access)}, ${record.expires ? `expires after ${record.expires}` : 'no end'}`;
  const input = {
    cluster: facts.remote.name,
    access: record.access,
    expiration: record.expires,
    metadata: metadataOf(draft),
    configHash: keyConfigHash,
    secret: record.keySecret,
  };
  const step = { target: facts.remote.name, effect: 'api', stage: 'api-key' } as const;
  if (standing) {
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
  const name = `remora-${request.local}-${request.alias}`;
  const reason = 'the connection has no usable key';
  const diff = `+ key ${name}-…: ${grants}\n+ key's secret ${record.keySecret} (new)`;
  return [{ ...step, id: 'create-api-key', kind: 'api-key.create', reason, diff, input: { ...input, name } }];
};
