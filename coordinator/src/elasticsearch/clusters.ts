import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import type { ClusterRecord } from '../store/records.ts';
import { openClient } from './client.ts';

/** Clients of all known clusters, kept while their record stays the same. */
export interface ClusterClients {
  /** Throws `not-found` for a cluster that Remora does not know. */
  get(cluster: string): Promise<Client>;
  record(cluster: string): Promise<ClusterRecord>;
  close(): Promise<void>;
}

export const clusterClients = (parts: {
  readonly record: (name: string) => Promise<ClusterRecord | null>;
  readonly secret: (reference: string) => Promise<string>;
}): ClusterClients => {
  const open = new Map<string, { readonly key: string; readonly client: Client }>();
  /** All that were opened: one whose record has changed may still be in use. */
  const all: Client[] = [];
  const record = async (name: string): Promise<ClusterRecord> => {
    const found = await parts.record(name);
    if (!found)
      throw new RemoraError('not-found', `There is no cluster "${name}".`, {
        hint: 'See `remora clusters list`, or add it with `remora clusters add`.',
      });
    return found;
  };
  return {
    record,
    async get(name) {
      const found = await record(name);
      const key = JSON.stringify([found.urls, found.caPem, found.user, found.password]);
      const known = open.get(name);
      if (known?.key === key) return known.client;
      const client = await openClient({ ...found, password: await parts.secret(found.password) });
      open.set(name, { key, client });
      all.push(client);
      return client;
    },
    async close() {
      await Promise.all(all.splice(0).map((client) => client.close()));
      open.clear();
    },
  };
};
