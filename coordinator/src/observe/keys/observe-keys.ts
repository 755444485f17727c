import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import type { KeyRevokeRequest } from '@remora/shared/model/requests/key-request.ts';
import { findKey, listCrossClusterKeys } from '../../elasticsearch/api-keys.ts';
import { type ClusterKey, type FoundKey, isLiving } from '../../plan/keys/cluster-key.ts';
import { isKept } from '../../plan/node/secret-versions.ts';
import type { ApiKeyRecord } from '../../plan/records.ts';
import type { KeyRevocationFacts } from '../../plan/revoke-key/revoke-key.ts';
import { meantConnections } from '../../plan/rotate-key/chosen.ts';
import type { ObserveParts } from '../observe-nodes.ts';

/** A key on record with what its cluster says of it; one whose secret is not in the store cannot be used whatever the cluster says. */
export const foundKey = (
  record: ApiKeyRecord,
  key: ClusterKey | null,
  secrets: Readonly<Record<string, number>>,
  nowMs: number,
): FoundKey => {
  const identity = key?.certificateIdentity ?? null;
  return {
    ...{ record, key, usable: isKept(secrets, record.secret) && key !== null && isLiving(key, nowMs) },
    ...(identity === null ? {} : { certificateIdentity: identity }),
  };
};

/**
 * Asks the remote cluster about each key on record. Only a key that is not there may lead to a new one: throws when the cluster does not answer now.
 */
export const observeKeys = (
  client: Client,
  records: readonly ApiKeyRecord[],
  secrets: Readonly<Record<string, number>>,
  now: Date,
): Promise<FoundKey[]> => {
  const look = async (record: ApiKeyRecord): Promise<FoundKey> =>
    foundKey(record, await findKey(client, record.cluster, record.id), secrets, now.getTime());
  return Promise.all(records.map(look));
};

/** The same of keys of several clusters: each is asked about its own, since another one would answer that there is no such key. */
export const observeKeysOfAll = async (
  { clients, clock }: Pick<ObserveParts, 'clients' | 'clock'>,
  records: readonly ApiKeyRecord[],
  secrets: Readonly<Record<string, number>>,
): Promise<FoundKey[]> => {
  const looks = [...Map.groupBy(records, ({ cluster }) => cluster)].map(async ([cluster, own]) =>
    observeKeys(await clients.get(cluster), own, secrets, clock()),
  );
  return (await Promise.all(looks)).flat();
};

/** Gathers everything that the planner of a revocation looks at: the remote cluster alone is asked. Throws `not-found` for a connection that is not on record. */
export const observeKeyRevocation = async (
  { clients, inventory }: Pick<ObserveParts, 'clients' | 'inventory'>,
  request: KeyRevokeRequest,
): Promise<KeyRevocationFacts> => {
  const [connection] = meantConnections(request, await inventory.connections.list());
  if (!connection) throw new RemoraError('internal', 'a connection that is meant is not there');
  const { remote } = connection;
  const [{ clusterUuid: localUuid }, keys, records] = await Promise.all([
    clients.record(request.local),
    clients.get(remote).then((client) => listCrossClusterKeys(client, remote)),
    inventory.apiKeys.list(),
  ]);
  return { connection, localUuid, keys, records };
};
