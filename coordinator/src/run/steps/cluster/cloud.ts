import { RemoraError } from '@remora/shared/errors.ts';
import type { TrustSettings } from '../../../cloud/answers.ts';
import type { CloudClient } from '../../../cloud/client.ts';
import { cloudRecord } from '../../../cloud/open.ts';
import { withKey, writtenKeys } from '../../../cloud/record.ts';
import { directNamed, withDirect } from '../../../cloud/trust.ts';
import type { KeyEntryBefore } from '../../../plan/keys/key-before.ts';
import { credentialEntry } from '../../../plan/keys/key-names.ts';
import { type DirectRelationship, sameRelationship } from '../../../plan/trust/cloud-trust.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { askUntil } from '../ask-until.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';

/** A plan of Elastic Cloud replaces nodes one by one at the worst. */
const PLAN_LIMIT_MS = 60 * 60_000;

/** An encoded key is `ID:KEY` in Base64. */
const encodedKey = async ({ secrets }: StepParts, reference: string): Promise<string> => {
  const text = (await secrets.get(reference)).toString('utf8').trim();
  if (/^[\w-]+:[\w-]+$/.test(Buffer.from(text, 'base64').toString('latin1'))) return text;
  throw new RemoraError('step-failed', `${reference} is no encoded API key: give what the API calls \`encoded\`.`);
};

/** An entry whose value nobody tells: that it is there is all that can be proven of it. */
export const cloudKeyStep =
  (parts: StepParts): Executor<'cloud.key'> =>
  async (context, { cloud, deployment: id, refId, alias, secret }) => {
    const client = await parts.cloud(cloud, context.signal);
    const value = secret === null ? null : await encodedKey(parts, secret);
    const entry = credentialEntry(alias);
    await rememberBefore(context, async (): Promise<KeyEntryBefore> => {
      const isThere = (await client.keystore({ id, refId })).includes(entry);
      const { [alias]: reference = null } = writtenKeys(await cloudRecord(parts.inventory, cloud), id);
      return { isThere, reference: isThere ? reference : null };
    });
    await context.phase('writing the keystore of the deployment');
    await context.checkFence();
    await client.setEntry({ id, refId }, entry, value);
    const isThere = (await client.keystore({ id, refId })).includes(entry);
    if (isThere !== (value !== null))
      throw new RemoraError(
        'step-failed',
        `Elastic Cloud took the change, and the keystore of deployment ${id} ${isThere ? 'still has' : 'does not have'} ${entry}.`,
      );
    // Runs of other deployments of the cloud write to its record too, and so does whoever gives it another API key.
    await context.amend({ collection: 'clouds', id: cloud, change: (record) => withKey(record, id, alias, secret) });
    return null;
  };

/** Elastic Cloud counts requests, and its plans take minutes. */
const againMs = (asked: number): number => Math.min(500 * 2 ** asked, 15_000);

/** Waits for changes of it, whoever asked for them. */
const waitUntilCarriedOut = async (context: StepContext, client: CloudClient, id: string): Promise<void> => {
  await context.phase('waiting until Elastic Cloud has carried its plan out');
  const ask = async (): Promise<string | null> => {
    try {
      return (await client.deployment(id)).isChanging ? 'a plan of it is being carried out still' : null;
    } catch (error) {
      // The plan goes on meanwhile.
      if (error instanceof RemoraError && error.code === 'cloud-unreachable') return error.message;
      throw error;
    }
  };
  await askUntil(context, PLAN_LIMIT_MS, ask, {
    sentence: (why) => `Deployment ${id} has not taken its trust: ${why}.`,
    againMs,
  });
};

/** The relationship with the certificates of these CAs. */
const withCas = async (
  { inventory }: StepParts,
  wanted: DirectRelationship,
  names: readonly string[] = [],
): Promise<DirectRelationship> => {
  const found = await Promise.all(names.map((name) => inventory.cas.get(name)));
  const pems = found.map((ca, i) => {
    if (ca !== null) return { pem: ca.certificatePem };
    throw new RemoraError('step-failed', `There is no CA "${names[i]}" on record any more.`);
  });
  return { ...wanted, certificates: [...wanted.certificates, ...pems] };
};

/** By what stands there at that moment: other relationships stay, whoever made them. */
export const cloudTrustStep =
  (parts: StepParts): Executor<'cloud.trust'> =>
  async (context, { cloud, deployment: id, name, relationship: wanted, cas }) => {
    const client = await parts.cloud(cloud, context.signal);
    const relationship = wanted === null ? null : await withCas(parts, wanted, cas);
    await rememberBefore(context, async () => directNamed((await client.deployment(id)).trust, name) ?? null);
    const isIn = (trust: TrustSettings): boolean => {
      const standing = directNamed(trust, name);
      return relationship === null || standing === undefined
        ? relationship === null && standing === undefined
        : sameRelationship(standing, relationship);
    };
    const change = async (): Promise<string | null> => {
      await context.checkFence();
      const isDone = await client.changeTrust(id, (trust) =>
        isIn(trust) ? trust : withDirect(trust, name, relationship),
      );
      return isDone ? null : 'another change of it is being carried out, which this one would take back';
    };
    await context.phase('changing whom the deployment trusts, once nobody else changes it');
    await askUntil(context, PLAN_LIMIT_MS, change, {
      sentence: (why) => `Whom deployment ${id} trusts was not changed: ${why}.`,
      againMs,
    });
    await waitUntilCarriedOut(context, client, id);
    const { trust, lastChangeFailed } = await client.deployment(id);
    if (!isIn(trust))
      throw new RemoraError(
        'step-failed',
        `Elastic Cloud took the change, and deployment ${id} trusts ${name} otherwise.`,
      );
    if (lastChangeFailed)
      throw new RemoraError('step-failed', `Elastic Cloud has not carried the change of deployment ${id} out.`, {
        hint: 'Its console has why, under the activity of the deployment: apply the plan there again, and resume the run.',
      });
    return null;
  };
