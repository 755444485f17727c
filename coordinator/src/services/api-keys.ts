import { messageOf } from '@remora/shared/errors.ts';
import type { KeyRevokeRequest, KeyRotateRequest } from '@remora/shared/model/key-request.ts';
import { listCrossClusterKeys } from '../elasticsearch/api-keys.ts';
import type { ObserveParts } from '../observe/observe-nodes.ts';
import type { ClusterKey } from '../plan/cluster-key.ts';
import { keyConnections } from '../plan/records.ts';
import type { Change, Services } from '../services.ts';
import { keyViews } from './key-views.ts';

export const apiKeyService = (
  { clients, inventory, clock }: Pick<ObserveParts, 'clients' | 'inventory' | 'clock'>,
  changes: { readonly rotation: Change<KeyRotateRequest>; readonly revocation: Change<KeyRevokeRequest> },
): Services['apiKeys'] => ({
  ...changes,
  async list() {
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
    return keyViews({ clusters: found, connections, records, nowMs: clock().getTime() });
  },
});
