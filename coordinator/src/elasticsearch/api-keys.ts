import type { Client } from '@elastic/elasticsearch';
import type { Access } from '../plan/connection/connection-records.ts';
import type { ClusterKey } from '../plan/keys/cluster-key.ts';
import { explain, statusOf } from './client.ts';

/** As `GET _security/api_key` answers it. `_query` would page, but needs scripts, which a cluster may not have. */
interface Answered {
  readonly id: string;
  readonly name?: string;
  readonly type?: string;
  readonly creation: number;
  readonly expiration?: number;
  readonly invalidated: boolean;
  readonly username: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly access?: Access;
  readonly certificate_identity?: string;
}

const keyOf = (answered: Answered): ClusterKey => ({
  id: answered.id,
  name: answered.name ?? '',
  access: answered.access ?? {},
  metadata: answered.metadata ?? {},
  createdAtMs: answered.creation,
  expiresAtMs: answered.expiration ?? null,
  invalidated: answered.invalidated,
  owner: answered.username,
  certificateIdentity: answered.certificate_identity ?? null,
});

const ask = async (client: Client, query: { readonly id?: string }): Promise<readonly Answered[]> => {
  try {
    return (await client.security.getApiKey(query)).api_keys as unknown as readonly Answered[];
  } catch (error) {
    if (statusOf(error) === 404) return [];
    throw error;
  }
};

/** All cross-cluster API keys that a cluster keeps; invalidated ones for a week or so. */
export const listCrossClusterKeys = async (client: Client, cluster: string): Promise<ClusterKey[]> => {
  try {
    return (await ask(client, {})).filter(({ type }) => type === 'cross_cluster').map(keyOf);
  } catch (error) {
    throw explain(error, cluster, 'Listing the API keys');
  }
};

/** One key; null where the cluster does not know it (any more). */
export const findKey = async (client: Client, cluster: string, id: string): Promise<ClusterKey | null> => {
  try {
    const [found] = await ask(client, { id });
    return found === undefined ? null : keyOf(found);
  } catch (error) {
    throw explain(error, cluster, `Looking at API key ${id}`);
  }
};
