import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import { explain } from '../../../elasticsearch/client.ts';
import type { Executor } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';

/** A change of a remote cluster's settings waits up to 10 s for its connection before it answers; ours must not give up first. */
const CALL_LIMIT_MS = 30_000;

const readPersistent = async (client: Client): Promise<Record<string, SettingValue>> =>
  ((await client.cluster.getSettings({ flat_settings: true })).persistent ?? {}) as Record<string, SettingValue>;

/** A setting is in place when the response said acknowledged and a re-read shows it. */
export const putClusterSettingsStep =
  (parts: StepParts): Executor<'cluster-settings.put'> =>
  async (context, { cluster, persistent }) => {
    const client = await parts.clients.get(cluster);
    await rememberBefore(context, async () => {
      const standing = await readPersistent(client);
      return Object.fromEntries(Object.keys(persistent).map((name) => [name, standing[name] ?? null]));
    });
    await context.checkFence();
    await context.phase('writing cluster settings');
    const mutable = Object.fromEntries(
      Object.entries(persistent).map(([name, value]) => [name, Array.isArray(value) ? [...value] : value]),
    );
    const answer = await client.cluster
      .putSettings({ persistent: mutable, flat_settings: true }, { requestTimeout: CALL_LIMIT_MS })
      .catch((error: unknown) => {
        throw explain(error, cluster, `Writing ${Object.keys(persistent).join(', ')}`);
      });
    if (!answer.acknowledged)
      throw new RemoraError(
        'step-failed',
        `Cluster ${cluster} took the settings, but not every node acknowledged them.`,
      );
    const standing = await readPersistent(client);
    const other = Object.entries(persistent).find(([name, value]) => !sameSettingValue(standing[name] ?? null, value));
    if (other)
      throw new RemoraError(
        'step-failed',
        `Cluster ${cluster} acknowledged ${other[0]}, but a re-read shows ${JSON.stringify(standing[other[0]] ?? null)}.`,
      );
    return null;
  };
