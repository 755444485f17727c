import type { Client } from '@elastic/elasticsearch';
import { listCrossClusterKeys } from '../../elasticsearch/api-keys.ts';
import { explain, statusOf } from '../../elasticsearch/client.ts';
import type { ConnectionRecord } from '../../plan/connection/connection-records.ts';
import type { KeyObservation } from '../../plan/facts.ts';
import { type ClusterKey, isLiving, isMarkedFor } from '../../plan/keys/cluster-key.ts';

/** Nothing where the cluster does not know such a request: Elasticsearch without that feature has nothing of it. */
const ask = async <T>(client: Client, cluster: string, path: string): Promise<T | null> => {
  try {
    return await client.transport.request<T>({ method: 'GET', path });
  } catch (error) {
    if ([400, 404, 405].includes(statusOf(error) ?? 0)) return null;
    throw explain(error, cluster, 'Asking what replicates over the alias');
  }
};

interface FollowInfo {
  readonly follower_indices?: readonly { readonly follower_index: string; readonly remote_cluster: string }[];
}
interface AutoFollow {
  readonly patterns?: readonly { readonly name: string; readonly pattern: { readonly remote_cluster: string } }[];
}

/** Of hidden indices too: the backing indices of a data stream that follows begin with a dot, and `_all` leaves them out. */
const FOLLOWERS = '/*,.*/_ccr/info';

/** Follower indices and auto-follow patterns of a cluster that use an alias, in words. */
export const observeFollowers = async (client: Client, cluster: string, alias: string): Promise<string[]> => {
  const [info, auto] = await Promise.all([
    ask<FollowInfo>(client, cluster, FOLLOWERS),
    ask<AutoFollow>(client, cluster, '/_ccr/auto_follow'),
  ]);
  return [
    ...(info?.follower_indices ?? [])
      .filter((one) => one.remote_cluster === alias)
      .map((one) => `the follower index ${one.follower_index}`),
    ...(auto?.patterns ?? [])
      .filter(({ pattern }) => pattern.remote_cluster === alias)
      .map(({ name }) => `the auto-follow pattern ${name}`),
  ].sort();
};

/** Living cross-cluster API keys of a cluster that no secret of the connection is kept of. */
export interface LivingKeys {
  /** Made for the connection all the same, by their mark or by what is on record. */
  readonly strays: readonly Pick<ClusterKey, 'id' | 'name'>[];
  /** They let somebody else connect through the same server; by name and id. */
  readonly others: readonly string[];
}

/** Looks for them; `keys` are those on record for the connection. */
export const observeLivingKeys = async (
  client: Client,
  { connection, localUuid, keys }: LivingKeysOf,
  now: Date,
): Promise<LivingKeys> => {
  const living = (await listCrossClusterKeys(client, connection.remote))
    .filter((key) => isLiving(key, now.getTime()))
    .filter(({ id }) => !keys.some(({ record, usable }) => usable && record.id === id))
    .sort((a, b) => (`${a.name} ${a.id}` < `${b.name} ${b.id}` ? -1 : 1));
  const isOurs = (key: ClusterKey): boolean =>
    keys.some(({ record }) => record.id === key.id) || isMarkedFor(key, connection, localUuid);
  return {
    strays: living.filter(isOurs).map(({ id, name }) => ({ id, name })),
    others: living.filter((key) => !isOurs(key)).map(({ name, id }) => `${name} (${id})`),
  };
};

interface LivingKeysOf {
  readonly connection: ConnectionRecord;
  readonly localUuid: string;
  readonly keys: readonly KeyObservation[];
}
