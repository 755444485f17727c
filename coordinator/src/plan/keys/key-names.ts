import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import type { Access } from '../connection/connection-records.ts';
import type { KeyObservation } from '../facts.ts';
import { lastVersion } from '../node/secret-versions.ts';
import type { ApiKeyRecord } from '../records.ts';

export type Ends = Pick<ConnectRequest, 'local' | 'remote' | 'alias'>;

export interface KeySecretFacts {
  readonly keys: readonly Pick<KeyObservation, 'record'>[];
  readonly secretVersions: Readonly<Record<string, number>>;
}

const secretName = ({ local, alias }: Ends): string => `connection/${local}/${alias}/api-key`;

/** Version of the secret that holds this key, when the key was made for this connection; else 0. */
export const keyVersion = ({ record }: Pick<KeyObservation, 'record'>, ends: Ends): number => {
  const { name, version } = parseSecretReference(record.secret);
  return record.cluster === ends.remote && name === secretName(ends) ? (version ?? 1) : 0;
};

/** The keystore entry by which a node connects. */
export const credentialEntry = (alias: string): string => `cluster.remote.${alias}.credentials`;

/** Whether the secret is one of those that hold this connection's keys. */
export const isKeySecret = (reference: string, ends: Ends): boolean =>
  parseSecretReference(reference).name === secretName(ends);

/** Whether the key was made for this connection. */
export const isKeyOf = (record: ApiKeyRecord, ends: Ends): boolean => keyVersion({ record }, ends) > 0;

/**
 * The secret of a key that is yet to be made: the version after all that were ever minted *or filed*. A key that was filed and whose secret was lost in a
 * crash keeps its record that way, so that it stays known.
 */
export const newKeySecret = ({ keys, secretVersions }: KeySecretFacts, ends: Ends): string => {
  const filed = keys.map((key) => keyVersion(key, ends));
  return `secret:${secretName(ends)}@${Math.max(lastVersion(secretVersions, secretName(ends)), ...filed) + 1}`;
};

/** Beginning of the names of a connection's keys. */
export const keyNameOf = ({ local, alias }: Pick<Ends, 'local' | 'alias'>): string => `remora-${local}-${alias}`;

/** What a key is given, in words. */
export const keyGrants = (access: Access, expires: string | null): string =>
  `access ${JSON.stringify(access)}, ${expires ? `expires after ${expires}` : 'no end'}`;

/** Marks what Remora made, beside what people gave: `config` is a part of the hash of what is wanted, so that drift shows. */
export interface KeyMark {
  readonly local: string;
  readonly local_cluster_uuid: string;
  readonly alias: string;
  readonly config: string;
}

export const markedMetadata = (
  own: object | undefined,
  { configHash, ...mark }: Omit<KeyMark, 'config'> & { readonly configHash: string },
): Record<string, unknown> => ({
  ...own,
  managed_by: 'remora',
  remora: { ...mark, config: shortHash(configHash) } satisfies KeyMark,
});

/** The part of a configHash that stands in the metadata. */
export const shortHash = (configHash: string): string => configHash.slice(0, 16);

/** Metadata without Remora's mark: what people gave. */
export const ownMetadata = (metadata: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const { managed_by: _, remora: __, ...own } = metadata;
  return own;
};

/** What says what a key grants, for its hash. */
export const keyConfig = (access: Access, expires: string | null, metadata: object | undefined): string =>
  JSON.stringify([access, expires, metadata ?? {}]);
