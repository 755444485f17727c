import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { findKey } from '../../../elasticsearch/api-keys.ts';
import { explain } from '../../../elasticsearch/client.ts';
import type { Executor } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import { changeCrossing } from '../cluster/crossing.ts';
import type { StepParts } from '../parts.ts';

const CALL_LIMIT_MS = 10_000;

interface Demand {
  readonly cluster: string;
  readonly id: string;
  readonly identity: string | null;
}

/** Has a key demand it, and reads it again. */
const demand = async (client: Client, { cluster, id, identity }: Demand): Promise<void> => {
  const path = `/_security/cross_cluster/api_key/${encodeURIComponent(id)}`;
  try {
    const body = { certificate_identity: identity };
    await client.transport.request({ method: 'PUT', path, body }, { requestTimeout: CALL_LIMIT_MS });
  } catch (error) {
    throw explain(error, cluster, `Changing what API key ${id} demands of a signature`);
  }
  const found = (await findKey(client, cluster, id))?.certificateIdentity ?? null;
  if (found !== identity)
    throw new RemoraError(
      'step-failed',
      `Cluster ${cluster} took the change of API key ${id}, but the key demands ${found ?? 'no signature'} now.`,
    );
};

/** What a key demanded before, as the step remembers it. */
export interface IdentityBefore {
  readonly identity: string | null;
}

export const identifyApiKeyStep =
  (parts: StepParts): Executor<'api-key.identify'> =>
  async (context, { cluster, id, identity, crossing }) => {
    const client = await parts.clients.get(cluster);
    // A step that is tried again may find what the first attempt made.
    const kept = context.memory.kept as { readonly before: IdentityBefore } | null;
    const before = kept?.before ?? { identity: (await findKey(client, cluster, id))?.certificateIdentity ?? null };
    await rememberBefore(context, async () => before);
    await context.checkFence();
    await context.phase('changing what the key demands');
    await changeCrossing(parts, context, crossing, {
      make: () => demand(client, { cluster, id, identity }),
      undo: () => demand(client, { cluster, id, ...before }),
    });
    return { id };
  };
