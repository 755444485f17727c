import { listCrossClusterKeys } from '../../../elasticsearch/api-keys.ts';
import { explain } from '../../../elasticsearch/client.ts';
import { keyRecordsOf, livingKeys } from '../../../plan/revoke-key/revoke-key.ts';
import type { Executor } from '../../executor.ts';
import type { StepParts } from '../parts.ts';

const CALL_LIMIT_MS = 10_000;

/**
 * Invalidates the keys of a connection that live now, and looks whether that is so. Noted on record last, also for those that were dead before: by then nobody may
 * get in with any of them, and what its cluster forgets must not look like a key that is merely gone.
 */
export const revokeApiKeysStep =
  ({ clients, inventory, clock }: Pick<StepParts, 'clients' | 'inventory' | 'clock'>): Executor<'api-keys.revoke'> =>
  async (context, { cluster, local, alias, localUuid }) => {
    const client = await clients.get(cluster);
    const connection = { local, remote: cluster, alias };
    const records = await inventory.apiKeys.list();
    const living = async (): Promise<string[]> => {
      const keys = await listCrossClusterKeys(client, cluster);
      return livingKeys({ connection, localUuid, keys, records }, clock().getTime()).map(({ id }) => id);
    };
    const ids = await living();
    await context.checkFence();
    try {
      if (ids.length > 0) await client.security.invalidateApiKey({ ids }, { requestTimeout: CALL_LIMIT_MS });
      const left = await living();
      if (left.length > 0) throw new Error(`it answered, but ${left.join(', ')} can still be used`);
    } catch (error) {
      throw explain(error, cluster, `Invalidating API keys ${ids.join(', ')}`);
    }
    for (const record of keyRecordsOf({ connection, records }))
      await context.file('apiKeys', record.secret, { ...record, revoked: true });
    return { ids };
  };
