import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import type { KeyObservation } from '../facts.ts';
import { lastVersion } from '../node/secret-versions.ts';
import type { ApiKeyRecord } from '../records.ts';
import { type ClusterKey, markOf } from './cluster-key.ts';
import { shortHash } from './key-names.ts';

/** A key that Remora made for somebody else's cluster. */
export interface HandedTo {
  readonly remote: string;
  readonly for: string;
}

const secretName = ({ remote, for: whom }: HandedTo): string => `handed-out/${remote}/${whom}/api-key`;

/** Version of the secret that holds this key, when it was made for them; else 0. */
export const handedVersion = ({ record }: Pick<KeyObservation, 'record'>, to: HandedTo): number => {
  const { name, version } = parseSecretReference(record.secret);
  return record.cluster === to.remote && name === secretName(to) ? (version ?? 1) : 0;
};

/** The keys on record that were made for somebody and may still let them in, with the cluster that made each and for whom. */
export const handedRecords = (
  records: readonly ApiKeyRecord[],
  now: string,
): { readonly remote: string; readonly whom: string; readonly record: ApiKeyRecord }[] =>
  records.flatMap((record) => {
    const { name } = parseSecretReference(record.secret);
    const [, whom] = /^handed-out\/[^/]+\/([^/]+)\/api-key$/.exec(name) ?? [];
    const isOver = record.revoked === true || (record.expiresAtMs !== null && record.expiresAtMs <= Date.parse(now));
    return whom === undefined || isOver ? [] : [{ remote: record.cluster, whom, record }];
  });

/** The newest of their keys that is good; undefined when there is none. */
export const standingHandedKey = (keys: readonly KeyObservation[], to: HandedTo): KeyObservation | undefined =>
  keys
    .filter((key) => key.usable && handedVersion(key, to) > 0)
    .sort((a, b) => handedVersion(b, to) - handedVersion(a, to))[0];

/** The secret of a key that is yet to be made: the version after all that were ever minted or filed. */
export const newHandedSecret = (
  keys: readonly Pick<KeyObservation, 'record'>[],
  secretVersions: Readonly<Record<string, number>>,
  to: HandedTo,
): string => {
  const name = secretName(to);
  const filed = keys.map((key) => handedVersion(key, to));
  return `secret:${name}@${Math.max(lastVersion(secretVersions, name), ...filed) + 1}`;
};

/** What the key carries: what people gave, and by what it is known. */
export const handedMetadata = (own: object | undefined, to: HandedTo, configHash: string): Record<string, unknown> => ({
  ...own,
  managed_by: 'remora',
  remora: { for: to.for, config: shortHash(configHash) },
});

/** For whom a key says that it was made; null of one of a connection, or that Remora did not make. */
export const handedTo = (key: ClusterKey): string | null => markOf(key)?.for ?? null;
