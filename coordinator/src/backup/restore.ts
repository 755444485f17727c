import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { systemClock } from '../clock.ts';
import type { CoordinatorConfig } from '../config.ts';
import { firstCertificate } from '../pki/fleet-ca/fleet-ca-files.ts';
import { createDurably, readIfPresent } from '../secrets/durable-file.ts';
import { keys } from '../store/keys.ts';
import { SCHEMA_VERSION } from '../store/open-store.ts';
import { storeIdIn } from '../store/store-identity.ts';
import type { BackedUpFiles } from './back-up.ts';
import { type OpenedBackup, openBackup } from './container.ts';
import { emptyingCommand, openPlace, type StorePlace, startPlace } from './place.ts';
import { markRestoring, settleStore } from './settle.ts';
import { type CopiedKey, clearStore, countKept, livingCoordinators, putKeys } from './store-copy.ts';

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
  'fleet-ca-next.crt': 0o644,
  'fleet-ca-next.key': 0o600,
};

const refuse = (message: string, hint: string): never => {
  throw new RemoraError('data-directory', message, { hint });
};

/** Where a back-up is restored to, and what a failure takes away again. */
interface Target {
  readonly config: CoordinatorConfig;
  /** Nothing stood in the data directory. */
  readonly isNew: boolean;
  /** Files that this restore made, with their paths. */
  readonly made: string[];
}

/**
 * Makes the directory, takes one that is empty, or that of the coordinator whose store was wiped: it has the id of the store that comes back. What stands in
 * any other may be in use, or all that is left of something.
 */
const takeDirectory = async (config: CoordinatorConfig, storeId: string): Promise<Target> => {
  const { dataDir } = config;
  let found: string[];
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o755 });
    found = await readdir(dataDir);
  } catch (error) {
    return refuse(
      `The data directory ${dataDir} cannot be made: ${messageOf(error)}.`,
      'Name another one with --data-dir, or mend the permissions.',
    );
  }
  const isNew = found.length === 0;
  const own = isNew ? null : await storeIdIn(dataDir);
  if (isNew || own === storeId) return { config, isNew, made: [] };
  return refuse(
    `The data directory ${dataDir} is not empty (${found.slice(0, 5).join(', ')}), and ${own === null ? 'no coordinator worked with a store there' : `its coordinator worked with the store ${own}`}: a back-up of the store ${storeId} is restored into a new directory, or into that of a coordinator of this store.`,
    'Name another one with --data-dir, or move this one away once no coordinator uses it.',
  );
};

/** How somebody empties the place. */
const emptying = ({ redisUrl, dataDir }: CoordinatorConfig): string =>
  redisUrl === null ? `move ${join(dataDir, 'redis')} away` : emptyingCommand(redisUrl);

const refuseLiving = async (redis: Redis, { redisUrl }: CoordinatorConfig): Promise<void> => {
  // A private Redis is ours alone once it is open.
  const living = redisUrl === null ? [] : await livingCoordinators(redis);
  if (living.length === 0) return;
  refuse(
    `A coordinator works with this Redis (${living.join(', ')}).`,
    'Stop it. One that was killed counts as living for ten seconds more.',
  );
};

/** A store that lost no more than its identity may be all that there is of what came after the back-up. */
const refuseKept = async (redis: Redis, config: CoordinatorConfig): Promise<void> => {
  const { runs, secrets, apiKeys } = await countKept(redis);
  if (runs + secrets + apiKeys === 0) return;
  refuse(
    `This Redis was not wiped: it has lost the identity of its store (${keys.meta}), and still holds ${runs} run(s), ${secrets} version(s) of secrets and ${apiKeys} record(s) of API keys.`,
    `Nothing was changed. Look at what took ${keys.meta} away, and keep a copy of this Redis. To give up what it holds for what is in the back-up, ${emptying(config)}, and restore again.`,
  );
};

/** Refuses a store that is there or in use, and clears what a coordinator left in one that was wiped while it ran. */
const makeEmpty = async ({ redis }: StorePlace, config: CoordinatorConfig): Promise<void> => {
  const [storeId, restoring] = await redis.hmget(keys.meta, 'storeId', 'restoring');
  if (storeId || restoring) {
    refuse(
      restoring
        ? 'A back-up is being restored into this Redis, or that did not end.'
        : `This Redis holds a store of Remora already (${storeId}), which may be in use.`,
      `Use an empty one. To give that store up: stop its coordinators, then ${emptying(config)}.`,
    );
  }
  await refuseLiving(redis, config);
  await refuseKept(redis, config);
  await clearStore(redis);
};

const openEmpty = async (config: CoordinatorConfig): Promise<StorePlace> => {
  const place = config.redisUrl === null ? await startPlace(config.dataDir) : await openPlace(config);
  try {
    await makeEmpty(place, config);
    return place;
  } catch (error) {
    await place.close();
    throw error;
  }
};

/** While the fleet CA is being rotated, its file names the next one too, and the back-up may be from before that. */
const isSame = (name: keyof BackedUpFiles, found: string, text: string): boolean =>
  name === 'fleet-ca.crt'
    ? firstCertificate(found).trim() === firstCertificate(text).trim()
    : found.trim() === text.trim();

/** A file that is there stays: keys have to be those of the back-up, and an admin token that was changed since is as good. */
const writeFiles = async (files: BackedUpFiles, { config, made }: Target): Promise<void> => {
  for (const [name, mode] of Object.entries(modes) as [keyof BackedUpFiles, number][]) {
    const text = files[name];
    if (text === undefined) continue;
    const path = name === 'sealing.key' ? config.sealingKeyFile : join(config.dataDir, name);
    await mkdir(dirname(path), { recursive: true });
    if (await createDurably(path, text, mode)) made.push(path);
    else if (name !== 'admin.token' && !isSame(name, (await readIfPresent(path)) ?? '', text)) {
      refuse(
        `${path} is there already and another one than in the back-up: it is not replaced.`,
        name === 'sealing.key'
          ? 'Name another place with --sealing-key.'
          : 'Restore into a new directory (--data-dir).',
      );
    }
  }
};

/** Files first, which may be refused; then everything but the store's identity, which makes it a store. */
const fill = async (
  { redis }: StorePlace,
  backup: OpenedBackup,
  target: Target,
): Promise<{ meta: CopiedKey; count: number }> => {
  let hasFiles = false;
  let meta: CopiedKey | null = null;
  let count = 0;
  let batch: CopiedKey[] = [];
  for await (const line of backup.lines()) {
    const one = JSON.parse(line) as CopiedKey | { readonly files: BackedUpFiles };
    if ('files' in one) {
      await writeFiles(one.files, target);
      hasFiles = true;
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
  if (hasFiles && meta) return { meta, count };
  throw new RemoraError(
    'bad-input',
    'The back-up has no files or no identity of a store: it was not made by this program.',
  );
};

/** Takes back what was written; `place` is null while the store was not touched. */
const undo = async (place: StorePlace | null, { config, isNew, made }: Target): Promise<void> => {
  if (place) await clearStore(place.redis).catch(() => undefined);
  await place?.close();
  for (const path of made) await rm(path, { force: true });
  if (!isNew) return;
  for (const name of await readdir(config.dataDir)) {
    await rm(join(config.dataDir, name), { recursive: true, force: true });
  }
};

/**
 * Makes the data directory and the store of a back-up anew, for a coordinator to be started on. All of it or nothing: a failure takes back what was written,
 * and no coordinator starts on a restore that was cut off. Throws `bad-input` for a back-up that cannot be used, `data-directory` for a place that is taken.
 */
export const restore = async (config: CoordinatorConfig, file: string, passphrase: string): Promise<RestoreSummary> => {
  const backup = await openBackup(file, passphrase, SCHEMA_VERSION);
  const { createdAt, storeId } = backup.header;
  const target = await takeDirectory(config, storeId);
  let place: StorePlace | null = null;
  try {
    place = await openEmpty(config);
    await markRestoring(place.redis);
    const { meta, count } = await fill(place, backup, target);
    // One may have been started, or have come back, since the first look; it would go on with what it remembers once the store has its identity.
    await refuseLiving(place.redis, config);
    const openRuns = await settleStore(place.redis, meta, createdAt, systemClock);
    await place.close();
    return { dataDir: config.dataDir, storeId, createdAt, keys: count, openRuns };
  } catch (error) {
    await undo(place, target);
    throw error;
  }
};
