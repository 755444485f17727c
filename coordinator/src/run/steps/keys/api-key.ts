import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import { explain, statusOf } from '../../../elasticsearch/client.ts';
import type { Access } from '../../../plan/connection/connection-records.ts';
import type { KeyBefore } from '../../../plan/keys/key-before.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import { keys as runKeys } from '../../../store/keys.ts';
import type { Executor, RestoreContext, StepContext } from '../../executor.ts';
import { RunTakenOver } from '../../run-writer.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';

type CreateKey = StepInputs['api-key.create'];

/** A call may still take effect until its own limit is over, and a new key stays invisible to search for about a second: look only then. */
const CALL_LIMIT_MS = 10_000;
const VISIBLE_AFTER_MS = 5000;

interface KeyIntent {
  /** Unique to this attempt of this run. */
  readonly name: string;
}

interface CreatedKey {
  readonly id: string;
  readonly name: string;
  readonly encoded: string;
  readonly expiresAtMs: number | null;
}

const body = (input: Pick<CreateKey, 'access' | 'expiration' | 'metadata' | 'certificateIdentity'>) => ({
  access: input.access as Access & object,
  ...(input.expiration === null ? {} : { expiration: input.expiration }),
  ...(input.certificateIdentity === undefined ? {} : { certificate_identity: input.certificateIdentity }),
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

/** What is looked after until the run ends: keys of these names whose secret is not kept are keys that nobody knows. */
interface KeysOfRun {
  readonly cluster: string;
  /** Beginning of the names of all keys that the run created. */
  readonly prefix: string;
  readonly secret: string;
}

export const API_KEYS = 'api-keys';

/**
 * Ends keys whose names begin so, but for the one whose secret is kept: an earlier call may have created one whose answer was lost. By id,
 * never by name: names are not unique. Which there are is asked first, then which one is kept and who drives the run: a driver that sleeps in between ends no
 * key of its successor's.
 */
const invalidateOrphans = async (
  parts: Pick<StepParts, 'clients' | 'secrets'>,
  keys: KeysOfRun,
  checkFence: () => Promise<void>,
): Promise<void> => {
  try {
    const client = await parts.clients.get(keys.cluster);
    const found = await client.security.getApiKey({ name: `${keys.prefix}*` }).catch((error: unknown) => {
      if (statusOf(error) === 404) return { api_keys: [] };
      throw error;
    });
    const known = await keptKeyId(parts, keys.secret);
    const ids = found.api_keys.filter((key) => !key.invalidated && key.id !== known).map((key) => key.id);
    if (ids.length === 0) return;
    await checkFence();
    await client.security.invalidateApiKey({ ids });
  } catch (error) {
    if (error instanceof RunTakenOver) throw error;
    throw explain(error, keys.cluster, `Looking for keys named ${keys.prefix}… that nobody knows`);
  }
};

/** Looked once more when the run ends, however it ends; its clusters stay locked until the cluster has answered. */
export const settleApiKeys =
  (parts: Pick<StepParts, 'clients' | 'secrets'>) =>
  async (value: unknown, { signal, checkFence }: Pick<RestoreContext, 'signal' | 'checkFence'>): Promise<void> => {
    const keys = value as KeysOfRun;
    if ((await keptKeyId(parts, keys.secret)) === null)
      await sleep(CALL_LIMIT_MS + VISIBLE_AFTER_MS, undefined, { signal });
    await invalidateOrphans(parts, keys, checkFence);
  };

/** Id of the key whose encoded form (base64 of ID:SECRET) the secret holds: the one in use, whatever is on record. Null while there is none. */
const keptKeyId = async (parts: Pick<StepParts, 'secrets'>, reference: string): Promise<string | null> => {
  try {
    const encoded = (await parts.secrets.get(reference)).toString('utf8');
    return Buffer.from(encoded, 'base64').toString('utf8').split(':')[0] ?? null;
  } catch (error) {
    if (error instanceof RemoraError && error.code === 'not-found') return null;
    throw error;
  }
};

/** After a crash between the call and its outcome: waits the call out, then ends whatever it made. In full, since no two clocks need agree on when it began. */
const settleOpenIntent = async (parts: StepParts, context: StepContext, keys: KeysOfRun): Promise<void> => {
  await context.phase('waiting out an interrupted call');
  await context.sleep(CALL_LIMIT_MS + VISIBLE_AFTER_MS);
  await invalidateOrphans(parts, keys, () => context.checkFence());
};

/** A name that no other call ever has: run, attempt, and how often this attempt was driven. */
const uniqueName = (context: StepContext, keys: KeysOfRun, earlier: KeyIntent | null): string => {
  const round = earlier ? Number(/-r(\d+)$/.exec(earlier.name)?.[1] ?? 1) + 1 : 1;
  return `${keys.prefix}${context.attempt}-r${round}`;
};

export const createApiKeyStep =
  (parts: StepParts): Executor<'api-key.create'> =>
  async (context, input) => {
    const client = await parts.clients.get(input.cluster);
    const earlier = context.memory.intent as KeyIntent | null;
    const filed = await parts.inventory.apiKeys.get(input.secret);
    if (filed && filed.id === (await keptKeyId(parts, input.secret))) return { id: filed.id, name: filed.name };
    const keys: KeysOfRun = { cluster: input.cluster, prefix: `${input.name}-${context.runId}-`, secret: input.secret };
    if (earlier) await settleOpenIntent(parts, context, keys);
    const intent: KeyIntent = { name: uniqueName(context, keys, earlier) };
    // No answer, or an error on the way back, does not mean that nothing was created: what this leaves behind is ended when the run ends.
    // One entry a key: a run may make several.
    await context.setRestore(`${API_KEYS}:${input.cluster}/${input.name}`, keys);
    await context.remember({ intent });
    await context.checkFence();
    await context.phase('creating the key');
    const key = await create(client, input, intent.name);
    // Fenced: a driver that slept through the call must not file a key that its successor has ended by now.
    await context.remember({ intent: { ...intent, keyId: key.id } });
    // Filed before the secret: a key on record without a secret is known to be unusable, a secret without a record would be a key that nobody knows.
    await context.file('apiKeys', input.secret, {
      secret: input.secret,
      cluster: input.cluster,
      id: key.id,
      name: key.name,
      expiresAtMs: key.expiresAtMs,
      configHash: input.configHash,
    });
    const { name, version } = parseSecretReference(input.secret);
    // Fenced too: the key of a driver that slept before this was ended by its successor, whose own could not be kept any more.
    const driver = { run: runKeys.run(context.runId), fence: context.fence };
    const minted = await parts.secrets
      .mint(name, version ?? 1, () => key.encoded, driver)
      .catch(async (error) => {
        await context.checkFence();
        throw error;
      });
    const kept = minted.toString('utf8');
    if (kept !== key.encoded)
      throw new RemoraError('internal', `${input.secret} holds another key than the one that was created for it.`);
    return { id: key.id, name: key.name };
  };

/** The key as the cluster and the record have it. */
const keyNow = async (parts: StepParts, client: Client, id: string, secret: string): Promise<KeyBefore> => {
  const [found] = (await client.security.getApiKey({ id })).api_keys;
  const { access = {} } = (found ?? {}) as { readonly access?: Access };
  const record = await parts.inventory.apiKeys.get(secret);
  return {
    access,
    metadata: found?.metadata ?? {},
    expiresAtMs: found?.expiration ?? null,
    configHash: record?.configHash ?? null,
  };
};

export const updateApiKeyStep =
  (parts: StepParts): Executor<'api-key.update'> =>
  async (context, input) => {
    const client = await parts.clients.get(input.cluster);
    try {
      await rememberBefore(context, () => keyNow(parts, client, input.id, input.secret));
      await context.checkFence();
      await client.transport.request(
        { method: 'PUT', path: `/_security/cross_cluster/api_key/${encodeURIComponent(input.id)}`, body: body(input) },
        { requestTimeout: CALL_LIMIT_MS },
      );
      const found = await client.security.getApiKey({ id: input.id });
      const record = await parts.inventory.apiKeys.get(input.secret);
      if (record)
        await context.file('apiKeys', input.secret, {
          ...record,
          expiresAtMs: found.api_keys[0]?.expiration ?? null,
          configHash: input.configHash,
        });
    } catch (error) {
      const { code, message, hint } = explain(error, input.cluster, `Updating API key ${input.id}`);
      // Elasticsearch does not find what belongs to another user or realm.
      const owned = 'Only the user to whom a key belongs may change it. Give the command again: it plans another key.';
      throw new RemoraError(code, message, { hint: statusOf(error) === 404 ? owned : hint, cause: error });
    }
    return { id: input.id };
  };
