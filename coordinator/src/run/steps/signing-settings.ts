import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { explain } from '../../elasticsearch/client.ts';
import type { SigningSettings } from '../../plan/steps.ts';
import type { Executor } from '../executor.ts';
import { rememberBefore } from './before.ts';
import { crossOrUndo } from './crossing.ts';
import type { StepParts } from './parts.ts';

const CALL_LIMIT_MS = 30_000;

const put = async (client: Client, cluster: string, persistent: SigningSettings): Promise<void> => {
  const names = Object.keys(persistent).join(', ');
  const answer = await client.cluster
    .putSettings({ persistent: { ...persistent }, flat_settings: true }, { requestTimeout: CALL_LIMIT_MS })
    .catch((error: unknown) => {
      throw explain(error, cluster, `Writing ${names}`);
    });
  if (answer.acknowledged) return;
  throw new RemoraError(
    'step-failed',
    `Cluster ${cluster} took ${names}, but not every node acknowledged it: one may not find the file.`,
    { hint: "Look into the nodes' logs for the reason." },
  );
};

/**
 * Elasticsearch shows these settings to nobody, so there is nothing to read again. It acknowledges them also where a node cannot read the file that they name: that
 * shows only at the next request.
 */
export const putSigningSettingsStep =
  (parts: StepParts): Executor<'signing-settings.put'> =>
  async (context, { cluster, persistent, before, crossing }) => {
    const client = await parts.clients.get(cluster);
    await rememberBefore(context, async () => before);
    await context.checkFence();
    await context.phase('writing cluster settings');
    await put(client, cluster, persistent);
    await crossOrUndo(parts, context, crossing, () => put(client, cluster, before));
    return null;
  };
