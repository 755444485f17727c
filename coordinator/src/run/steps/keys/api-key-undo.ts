import { RemoraError } from '@remora/shared/errors.ts';
import { explain } from '../../../elasticsearch/client.ts';
import { limitOf } from '../../../limit.ts';
import type { Access } from '../../../plan/connection/connection-records.ts';
import { type NodeId, nodeKey } from '../../../plan/node/node-id.ts';
import { keystorePasswordInput, keystorePasswordReference } from '../../../plan/node/node-step.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { aliasesWithKey } from '../cluster/deployment-keys.ts';
import { patientRead } from '../node/patient-read.ts';
import type { StepParts } from '../parts.ts';

const CALL_LIMIT_MS = 10_000;
/** Whether a run that waits was cancelled is looked at this often. */
const LOOK_MS = 1000;
const INSPECT_LIMIT_MS = 60_000;

export const putBackApiKeyStep =
  (parts: StepParts): Executor<'api-key.put-back'> =>
  async (context, { cluster, id, secret, before }) => {
    const client = await parts.clients.get(cluster);
    const leftMs = before.expiresAtMs === null ? null : before.expiresAtMs - parts.clock().getTime();
    const body = {
      access: before.access as Access & object,
      metadata: { ...before.metadata },
      // A key whose time is over by now could not be given one in the past.
      ...(leftMs === null || leftMs <= 0 ? {} : { expiration: `${Math.ceil(leftMs / 1000)}s` }),
    };
    await context.checkFence();
    const path = `/_security/cross_cluster/api_key/${encodeURIComponent(id)}`;
    let expiresAtMs: number | null;
    try {
      await client.transport.request({ method: 'PUT', path, body }, { requestTimeout: CALL_LIMIT_MS });
      const found = await client.security.getApiKey({ id });
      // Its end as the cluster has it: one that is over by now could not be given back.
      expiresAtMs = found.api_keys[0]?.expiration ?? null;
    } catch (error) {
      throw explain(error, cluster, `Putting API key ${id} back`);
    }
    // Apart from the calls: that Redis is away is no answer of the cluster, and the step is then tried again.
    const record = await parts.inventory.apiKeys.get(secret);
    const { configHash } = before;
    if (record && configHash !== null) await context.file('apiKeys', secret, { ...record, configHash, expiresAtMs });
    return { id };
  };

/** Nodes whose keystore still has the key, by what their agents say now. */
const holders = async (
  parts: StepParts,
  context: StepContext,
  nodes: readonly NodeId[],
  secret: string,
): Promise<string[]> => {
  const secretVersions = await parts.secretVersions();
  const looks = nodes.map(async (node) => {
    const password = keystorePasswordReference({ secretVersions }, node.cluster, node.node);
    const input = {
      settings: [],
      files: [],
      ...keystorePasswordInput(password),
    };
    const { keystore } = await patientRead({ parts, context }, node, 'inspect', input, INSPECT_LIMIT_MS);
    if (keystore.entries === null) {
      throw new RemoraError('step-failed', `The keystore of ${node.node} cannot be read: ${keystore.refusal ?? ''}`);
    }
    return keystore.entries.some(({ reference }) => reference === secret) ? [node.node] : [];
  });
  return (await Promise.all(looks)).flat();
};

/** Throws unless it is certain that no node has the key, but for those that are known to be away. */
const refuseInUse = async (
  parts: StepParts,
  context: StepContext,
  { secret, locals, away = [] }: Pick<StepInputs['api-key.invalidate'], 'secret' | 'locals' | 'away'>,
): Promise<void> => {
  const nodes = (await parts.inventory.nodes.list()).filter(({ cluster }) => locals.includes(cluster));
  const records = await Promise.all(locals.map((local) => parts.inventory.clusters.get(local)));
  const deployments = records.flatMap((record) =>
    record?.deployment ? [{ ...record.deployment, name: record.name }] : [],
  );
  const agentless = deployments.map(({ name }) => name);
  // Nobody asked is not nobody has it.
  const silent = locals
    .filter((local) => !agentless.includes(local))
    .find((local) => nodes.every(({ cluster }) => cluster !== local));
  if (locals.length === 0 || silent !== undefined)
    throw new RemoraError(
      'step-failed',
      `The API key ${secret} is not invalidated: ${silent === undefined ? 'no cluster is named' : `cluster ${silent} has no agent`} that could say whether a keystore still has it.`,
      {
        hint: 'Join an agent there with `remora agent join` and go on with `remora runs resume`, or invalidate the key by hand.',
      },
    );
  const asked = nodes.filter((node) => !away.includes(nodeKey(node)));
  const inClouds = deployments.map(async (one) =>
    (await aliasesWithKey(parts, one, secret, context.signal)).length > 0 ? [one.name] : [],
  );
  const held = [...(await holders(parts, context, asked, secret)), ...(await Promise.all(inClouds)).flat()];
  if (held.length === 0) return;
  throw new RemoraError(
    'step-failed',
    `The API key ${secret} is not invalidated: the keystore of ${held.join(', ')} still has it.`,
    { hint: 'Take the entry out there, then go on with `remora runs resume`.' },
  );
};

/** Invalidates a key by its id and looks whether that is so. */
const invalidate = async (
  parts: StepParts,
  context: StepContext,
  { cluster, id }: StepInputs['api-key.revoke'],
): Promise<{ readonly id: string }> => {
  const client = await parts.clients.get(cluster);
  await context.checkFence();
  try {
    await client.security.invalidateApiKey({ ids: [id] }, { requestTimeout: CALL_LIMIT_MS });
    const [key] = (await client.security.getApiKey({ id })).api_keys;
    if (key && !key.invalidated) throw new Error('it answered, but the key is still valid');
  } catch (error) {
    throw explain(error, cluster, `Invalidating API key ${id}`);
  }
  return { id };
};

/** Waits until the time is over, which is counted from the first driver of the step. Nothing is begun meanwhile: the run may be cancelled. */
const waitOut = async ({ clock }: StepParts, context: StepContext, graceMs: number): Promise<void> => {
  const now = (): number => clock().getTime();
  const { untilMs } = (context.memory.intent as { readonly untilMs: number } | null) ?? { untilMs: now() + graceMs };
  await context.remember({ intent: { untilMs } });
  // A clock that was set back does not make it longer.
  const limit = limitOf(graceMs);
  if (graceMs > 0) await context.phase('the old key lives on for a while');
  while (now() < untilMs && !limit.isOver()) {
    await context.haltIfCancelled();
    await context.sleep(Math.min(LOOK_MS, Math.max(0, untilMs - now())));
  }
};

export const invalidateApiKeyStep =
  (parts: StepParts): Executor<'api-key.invalidate'> =>
  async (context, { cluster, id, secret, locals, away = [], graceMs }) => {
    if (graceMs !== undefined) await waitOut(parts, context, graceMs);
    await context.phase('looking whether a node still has the key');
    await refuseInUse(parts, context, { secret, locals, away });
    return invalidate(parts, context, { cluster, id });
  };

export const revokeApiKeyStep =
  (parts: StepParts): Executor<'api-key.revoke'> =>
  (context, input) =>
    invalidate(parts, context, input);
