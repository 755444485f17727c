import type { Client } from '@elastic/elasticsearch';
import { listCrossClusterKeys } from '../elasticsearch/api-keys.ts';
import { explain, statusOf } from '../elasticsearch/client.ts';
import { isLiving } from '../plan/cluster-key.ts';
import type { ApiKeyRecord } from '../plan/records.ts';

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

/** Follower indices and auto-follow patterns of a cluster that use an alias, in words. */
export const observeFollowers = async (client: Client, cluster: string, alias: string): Promise<string[]> => {
  const [info, auto] = await Promise.all([
    ask<FollowInfo>(client, cluster, '/_all/_ccr/info'),
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

/** Living cross-cluster API keys but for these: they let somebody else connect through the same server. By name and id. */
export const otherKeys = async (
  client: Client,
  cluster: string,
  own: readonly ApiKeyRecord[],
  now: Date,
): Promise<string[]> =>
  (await listCrossClusterKeys(client, cluster))
    .filter((key) => isLiving(key, now.getTime()))
    .filter(({ id }) => !own.some((record) => record.id === id))
    .map(({ name, id }) => `${name} (${id})`)
    .sort();
