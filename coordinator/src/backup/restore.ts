import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { systemClock } from '../clock.ts';
import type { CoordinatorConfig } from '../config.ts';
import { createDurably, readIfPresent } from '../secrets/durable-file.ts';
import { keys } from '../store/keys.ts';
import { SCHEMA_VERSION } from '../store/open-store.ts';
import type { BackedUpFiles } from './back-up.ts';
import { type OpenedBackup, openBackup } from './container.ts';
import { openPlace, type StorePlace, startPlace } from './place.ts';
import { markRestoring, settleStore } from './settle.ts';
import { type CopiedKey, clearStore, isEmptyStore, putKeys } from './store-copy.ts';

const KEYS_AT_ONCE = 500;

export interface RestoreSummary {
  readonly dataDir: string;
  readonly storeId: string;
  /** When the back-up was made. */
  readonly createdAt: string;
  readonly keys: number;
  /** Runs that had not ended and go on as soon as a coordinator starts. */
  readonly openRuns: readonly string[];
}

const modes: Readonly<Record<keyof BackedUpFiles, number>> = {
  'fleet-ca.crt': 0o644,
  'fleet-ca.key': 0o600,
  'admin.token': 0o600,
  'sealing.key': 0o600,
};

const refuse = (message: string, hint: string): never => {
  throw new RemoraError('data-directory', message, { hint });
};

/** Makes the directory, or takes one that is empty. What stands in it may be in use, or all that is left of something. */
const takeEmpty = async ({ dataDir, sealingKeyFile }: CoordinatorConfig): Promise<void> => {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o755 });
    const found = await readdir(dataDir);
    if (found.length > 0) {
      refuse(
        `The data directory ${dataDir} is not empty (${found.slice(0, 5).join(', ')}): a back-up is restored into a new one only.`,
        'Name another one with --data-dir, or move this one away once no coordinator uses it.',
      );
    }
  } catch (error) {
    if (error instanceof RemoraError) throw error;
    refuse(
      `The data directory ${dataDir} cannot be made: ${messageOf(error)}.`,
      'Name another one with --data-dir, or mend the permissions.',
    );
  }
  if ((await readIfPresent(sealingKeyFile)) !== null) {
    refuse(
      `The sealing key ${sealingKeyFile} is there already, and would be replaced.`,
      'Name another place with --sealing-key.',
    );
  }
};

const openEmpty = async (config: CoordinatorConfig): Promise<StorePlace> => {
  const place = config.redisUrl === null ? await startPlace(config.dataDir) : await openPlace(config);
  if (await isEmptyStore(place.redis)) return place;
  await place.close();
  return refuse(
    'The Redis of --redis-url holds a store of Remora already, which may be in use.',
    "Use an empty one. To give that store up: stop its coordinators, then `redis-cli --scan --pattern 'remora:*' | xargs redis-cli unlink`.",
  );
};

const writeFiles = async (files: BackedUpFiles, { dataDir, sealingKeyFile }: CoordinatorConfig): Promise<void> => {
  for (const [name, mode] of Object.entries(modes) as [keyof BackedUpFiles, number][]) {
    const path = name === 'sealing.key' ? sealingKeyFile : join(dataDir, name);
    await mkdir(dirname(path), { recursive: true });
    await createDurably(path, files[name], mode);
  }
};

/** Everything but the store's identity, which makes it a store, goes in first. */
const fill = async (
  { redis }: StorePlace,
  backup: OpenedBackup,
): Promise<{ files: BackedUpFiles; meta: CopiedKey; count: number }> => {
  let files: BackedUpFiles | null = null;
  let meta: CopiedKey | null = null;
  let count = 0;
  let batch: CopiedKey[] = [];
  for await (const line of backup.lines()) {
    const one = JSON.parse(line) as CopiedKey | { readonly files: BackedUpFiles };
    if ('files' in one) {
      files = one.files;
      continue;
    }
    count += 1;
    if (one.key === keys.meta) meta = one;
    else batch.push(one);
    if (batch.length < KEYS_AT_ONCE) continue;
    await putKeys(redis, batch);
    batch = [];
  }
  await putKeys(redis, batch);
  if (files && meta) return { files, meta, count };
  throw new RemoraError(
    'bad-input',
    'The back-up has no files or no identity of a store: it was not made by this program.',
  );
};

const undo = async (place: StorePlace | null, { dataDir, redisUrl }: CoordinatorConfig): Promise<void> => {
  if (redisUrl !== null && place) await clearStore(place.redis).catch(() => undefined);
  await place?.close();
  for (const name of await readdir(dataDir)) await rm(join(dataDir, name), { recursive: true, force: true });
};

/**
 * Makes the data directory and the store of a back-up anew, for a coordinator to be started on. All of it or nothing: a failure takes back what was written,
 * and no coordinator starts on a restore that was cut off. Throws `bad-input` for a back-up that cannot be used, `data-directory` for a place that is not empty.
 */
export const restore = async (config: CoordinatorConfig, file: string, passphrase: string): Promise<RestoreSummary> => {
  const backup = await openBackup(file, passphrase, SCHEMA_VERSION);
  const { createdAt, storeId } = backup.header;
  await takeEmpty(config);
  let place: StorePlace | null = null;
  try {
    place = await openEmpty(config);
    await markRestoring(place.redis);
    const { files, meta, count } = await fill(place, backup);
    await writeFiles(files, config);
    const openRuns = await settleStore(place.redis, meta, createdAt, systemClock);
    await place.close();
    return { dataDir: config.dataDir, storeId, createdAt, keys: count, openRuns };
  } catch (error) {
    await undo(place, config);
    throw error;
  }
};
