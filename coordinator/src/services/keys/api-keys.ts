import { messageOf } from '@remora/shared/errors.ts';
import { listCrossClusterKeys } from '../../elasticsearch/api-keys.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import { isByCertificate, isForeign, keyConnections } from '../../plan/connection/connection-records.ts';
import type { ClusterKey } from '../../plan/keys/cluster-key.ts';
import type { KeyEnd, Services } from '../../services.ts';
import { type KeyListFacts, keyViews } from './key-views.ts';

type Asked = Pick<ObserveParts, 'clients' | 'inventory' | 'clock'>;

/** Asks every cluster that is known for its cross-cluster keys. */
export const observeKeyList = async ({ clients, inventory, clock }: Asked): Promise<KeyListFacts> => {
  const look = async (name: string): Promise<[string, readonly ClusterKey[] | string]> => {
    try {
      return [name, await listCrossClusterKeys(await clients.get(name), name)];
    } catch (error) {
      return [name, messageOf(error)];
    }
  };
  const [clusters, connections, records] = await Promise.all([
    inventory.clusters.list(),
    inventory.connections.list().then(keyConnections),
    inventory.apiKeys.list(),
  ]);
  const found = new Map(await Promise.all(clusters.map(({ name }) => look(name))));
  return { clusters: found, connections, records, nowMs: clock().getTime() };
};

/** When the keys of connections end that do, by what is on record: no cluster is asked. */
const keyEnds = async ({ inventory }: Asked): Promise<KeyEnd[]> => {
  const [connections, records] = await Promise.all([inventory.connections.list(), inventory.apiKeys.list()]);
  const all = connections.map((one) => {
    if (isByCertificate(one)) return { cluster: one.remote, expiresAtMs: null };
    if (isForeign(one))
      return { cluster: one.foreign.name, expiresAtMs: one.key.expiresAt && Date.parse(one.key.expiresAt) };
    return {
      cluster: one.remote,
      expiresAtMs: records.find(({ secret }) => secret === one.keySecret)?.expiresAtMs ?? null,
    };
  });
  return all.flatMap(({ cluster, expiresAtMs }) => (typeof expiresAtMs === 'number' ? [{ cluster, expiresAtMs }] : []));
};

export const apiKeyService = (
  parts: Asked,
  changes: Omit<Services['apiKeys'], 'list' | 'ends'>,
): Services['apiKeys'] => ({
  ...changes,
  list: async () => keyViews(await observeKeyList(parts)),
  ends: () => keyEnds(parts),
});
