import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import type { Collection } from '../store/inventory.ts';
import { type CloudClient, openCloud } from './client.ts';
import type { CloudRecord } from './record.ts';

export interface CloudParts {
  readonly clouds: Collection<CloudRecord>;
  readonly secrets: Pick<SecretStore, 'get'>;
}

/** The record of this name; throws `not-found`. */
export const cloudRecord = async ({ clouds }: Pick<CloudParts, 'clouds'>, name: string): Promise<CloudRecord> => {
  const found = await clouds.get(name);
  if (found) return found;
  throw new RemoraError('not-found', `There is no cloud "${name}".`, { hint: 'See `remora clouds list`.' });
};

/** Opens a cloud that is on record; throws `not-found`. With the signal its calls end. */
export const openNamedCloud = async (parts: CloudParts, name: string, signal?: AbortSignal): Promise<CloudClient> => {
  const { url, apiKey, caPem } = await cloudRecord(parts, name);
  const access = { name, url, caPem, apiKey: (await parts.secrets.get(apiKey)).toString('utf8') };
  return openCloud(access, { sleep, ...(signal === undefined ? {} : { signal }) });
};
