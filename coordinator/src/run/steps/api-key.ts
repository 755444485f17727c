import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { parseSecretReference } from '@remora/shared/model/secret-reference.ts';
import { explain } from '../../elasticsearch/client.ts';
import type { Access } from '../../plan/records.ts';
import type { StepInputs } from '../../plan/steps.ts';
import type { Executor, StepContext } from '../executor.ts';
import type { StepParts } from './parts.ts';

type CreateKey = StepInputs['api-key.create'];

/** A call may still take effect until its own limit is over, and a new key stays invisible to search for about a second: look only then. */
const CALL_LIMIT_MS = 10_000;
const VISIBLE_AFTER_MS = 5000;

interface KeyIntent {
  /** Unique to this attempt of this run. */
  readonly name: string;
  readonly calledAtMs: number;
}

interface CreatedKey {
  readonly id: string;
  readonly name: string;
  readonly encoded: string;
  readonly expiresAtMs: number | null;
}

const body = (input: Pick<CreateKey, 'access' | 'expiration' | 'metadata'>) => ({
  access: input.access as Access & object,
  ...(input.expiration === null ? {} : { expiration: input.expiration }),
  metadata: { ...input.metadata },
});

const create = async (client: Client, input: CreateKey, name: string): Promise<CreatedKey> => {
  try {
    const answer = await client.transport.request<{ id: string; name: string; encoded: string; expiration?: number }>(
      { method: 'POST', path: '/_security/cross_cluster/api_key', body: { name, ...body(input) } },
      { requestTimeout: CALL_LIMIT_MS },
    );
    return { id: answer.id, name: answer.name, encoded: answer.encoded, expiresAtMs: answer.expiration ?? null };
  } catch (error) {
    throw explain(error, input.cluster, 'Creating the cross-cluster API key');
  }
};

/**
 * Ends keys of this name that nobody can use any more: an earlier driver may have created one and died before its secret was kept. By id, never by name:
 * names are not unique.
 */
const invalidateOrphans = async (client: Client, cluster: string, name: string): Promise<void> => {
  try {
    const found = await client.security.getApiKey({ name });
    const ids = found.api_keys.filter((key) => !key.invalidated).map((key) => key.id);
    if (ids.length > 0) await client.security.invalidateApiKey({ ids });
  } catch (error) {
    throw explain(error, cluster, `Looking for keys named ${name} of an interrupted attempt`);
  }
};

const isMinted = async (parts: StepParts, reference: string): Promise<boolean> => {
  try {
    await parts.secrets.get(reference);
    return true;
  } catch (error) {
    if (error instanceof RemoraError && error.code === 'not-found') return false;
    throw error;
  }
};

/** After a crash between the call and its outcome: waits the call out, then ends whatever it made. */
const settleOpenIntent = async (
  parts: StepParts,
  context: StepContext,
  client: Client,
  input: CreateKey,
  intent: KeyIntent,
): Promise<void> => {
  await context.phase('waiting out an interrupted call');
  const wait = intent.calledAtMs + CALL_LIMIT_MS + VISIBLE_AFTER_MS - parts.clock().getTime();
  if (wait > 0) await context.sleep(wait);
  await context.checkFence();
  await invalidateOrphans(client, input.cluster, intent.name);
};

/** A name that no other call ever has: run, attempt, and how often this attempt was driven. */
const uniqueName = (context: StepContext, input: CreateKey, earlier: KeyIntent | null): string => {
  const round = earlier ? Number(/-r(\d+)$/.exec(earlier.name)?.[1] ?? 1) + 1 : 1;
  return `${input.name}-${context.runId}-${context.attempt}-r${round}`;
};

export const createApiKeyStep =
  (parts: StepParts): Executor<'api-key.create'> =>
  async (context, input) => {
    const client = await parts.clients.get(input.cluster);
    const earlier = context.memory.intent as KeyIntent | null;
    const filed = await parts.inventory.apiKeys.get(input.secret);
    if (filed && (await isMinted(parts, input.secret))) return { id: filed.id, name: filed.name };
    if (earlier) await settleOpenIntent(parts, context, client, input, earlier);
    const intent: KeyIntent = { name: uniqueName(context, input, earlier), calledAtMs: parts.clock().getTime() };
    await context.remember({ intent });
    await context.checkFence();
    await context.phase('creating the key');
    const key = await create(client, input, intent.name).catch(async (error: RemoraError) => {
      // No answer does not mean that nothing was created.
      if (error.code === 'cluster-unreachable') await settleOpenIntent(parts, context, client, input, intent);
      throw error;
    });
    // Filed before the secret: a key on record without a secret is known to be unusable, a secret without a record would be a key that nobody knows.
    await parts.inventory.apiKeys.put(input.secret, {
      secret: input.secret,
      cluster: input.cluster,
      id: key.id,
      name: key.name,
      expiresAtMs: key.expiresAtMs,
      configHash: input.configHash,
    });
    const { name, version } = parseSecretReference(input.secret);
    const kept = (await parts.secrets.mint(name, version ?? 1, () => key.encoded)).toString('utf8');
    if (kept !== key.encoded)
      throw new RemoraError('internal', `${input.secret} holds another key than the one that was created for it.`);
    return { id: key.id, name: key.name };
  };

export const updateApiKeyStep =
  (parts: StepParts): Executor<'api-key.update'> =>
  async (context, input) => {
    const client = await parts.clients.get(input.cluster);
    await context.checkFence();
    try {
      await client.transport.request(
        { method: 'PUT', path: `/_security/cross_cluster/api_key/${encodeURIComponent(input.id)}`, body: body(input) },
        { requestTimeout: CALL_LIMIT_MS },
      );
      const found = await client.security.getApiKey({ id: input.id });
      const record = await parts.inventory.apiKeys.get(input.secret);
      if (record)
        await parts.inventory.apiKeys.put(input.secret, {
          ...record,
          expiresAtMs: found.api_keys[0]?.expiration ?? null,
          configHash: input.configHash,
        });
    } catch (error) {
      throw explain(error, input.cluster, `Updating API key ${input.id}`);
    }
    return { id: input.id };
  };
