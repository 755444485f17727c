import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { Redis } from 'ioredis';
import { infoField } from './durability.ts';
import { keys } from './keys.ts';
import { refuseReplacedStore } from './store-identity.ts';

/** Of the layout of the keys. A store of a newer one is refused: an older coordinator would damage it. */
export const SCHEMA_VERSION = 1;
/**
 * A command waits about 10 s for a Redis that is being restarted, then fails; the caller says so and tries later. It is given up by the number of attempts to
 * connect, since then it is also forgotten and takes no effect later; the time limit is for a Redis that is connected and silent.
 */
const COMMAND_TIMEOUT_MS = 11_000;
const CLOSE_LIMIT_MS = 500;
const RECONNECT_MS = 250;
const ATTEMPTS_A_COMMAND = 40;

/** Where Redis is: a URL, or the Unix socket of the private one. */
export type StoreAddress = { readonly url: string } | { readonly path: string };

export interface Store {
  /** For commands. */
  readonly redis: Redis;
  /** In subscriber mode, shared by all who listen. */
  readonly subscriber: Redis;
  readonly address: StoreAddress;
  /** Made with the store; agents carry it, so that a wiped or another store is noticed. */
  readonly storeId: string;
  close(): Promise<void>;
}

interface ConnectionLimits {
  readonly connectionName: string;
  readonly maxRetriesPerRequest: number | null;
  readonly commandTimeout?: number;
}

const connect = (address: StoreAddress, own: ConnectionLimits): Redis => {
  // Reconnecting never gives up.
  const options = { ...own, retryStrategy: () => RECONNECT_MS, lazyConnect: true };
  return 'url' in address ? new Redis(address.url, options) : new Redis({ ...options, path: address.path });
};

/** Reads INFO, which hosted services allow where they refuse CONFIG. */
const checkServer = async (redis: Redis): Promise<void> => {
  const info = await redis.info();
  if (infoField(info, 'redis_mode') === 'cluster') {
    throw new RemoraError('bad-input', 'This is a Redis Cluster; runs need one Redis, or one behind Sentinel.');
  }
  const policy = infoField(info, 'maxmemory_policy');
  if (policy && policy !== 'noeviction') {
    throw new RemoraError(
      'bad-input',
      `Redis is set to evict keys when its memory is full (maxmemory-policy ${policy}), which would lose runs and secrets.`,
      { hint: 'Set maxmemory-policy to noeviction.' },
    );
  }
};

const readIdentity = async (redis: Redis, dataDir: string | null): Promise<string> => {
  if ((await redis.hexists(keys.meta, 'restoring')) === 1) {
    throw new RemoraError('data-directory', 'A back-up is being restored into this store, or that did not end.', {
      hint: 'Wait for it. If it was cut off, remove the data directory, or the keys `remora:*` of the Redis, and restore again.',
    });
  }
  if (dataDir !== null) await refuseReplacedStore(dataDir, await redis.hget(keys.meta, 'storeId'));
  await redis.hsetnx(keys.meta, 'storeId', randomUUID());
  await redis.hsetnx(keys.meta, 'schemaVersion', String(SCHEMA_VERSION));
  const [storeId, version] = await redis.hmget(keys.meta, 'storeId', 'schemaVersion');
  if (Number(version) > SCHEMA_VERSION) {
    throw new RemoraError(
      'data-directory',
      `The store was written by a newer release of Remora (layout ${version}, this one knows ${SCHEMA_VERSION}): upgrade this coordinator.`,
    );
  }
  return storeId ?? '';
};

/**
 * Opens the two connections that a coordinator has of its own (BullMQ has its own three) and reads or makes the store's identity. Their number does not
 * depend on the number of agents. Throws `store-replaced`, before anything is written, when it is not the store of this data directory.
 */
export const openStore = async (address: StoreAddress, dataDir: string | null = null): Promise<Store> => {
  const redis = connect(address, {
    connectionName: 'remora',
    maxRetriesPerRequest: ATTEMPTS_A_COMMAND,
    commandTimeout: COMMAND_TIMEOUT_MS,
  });
  const subscriber = connect(address, { connectionName: 'remora-subscriber', maxRetriesPerRequest: null });
  // Each outage would be an unhandled event otherwise; commands that time out tell the story.
  for (const one of [redis, subscriber]) one.on('error', () => undefined);
  try {
    await redis.connect();
    await subscriber.connect();
    await checkServer(redis);
    const storeId = await readIdentity(redis, dataDir);
    const close = async (): Promise<void> => {
      subscriber.disconnect();
      // Lets what was sent be answered, but a Redis that is away holds up no shutdown.
      await Promise.race([redis.quit().catch(() => undefined), sleep(CLOSE_LIMIT_MS, undefined, { ref: false })]);
      redis.disconnect();
    };
    return { redis, subscriber, address, storeId, close };
  } catch (error) {
    redis.disconnect();
    subscriber.disconnect();
    if (error instanceof RemoraError) throw error;
    const where = 'url' in address ? new URL(address.url).host : address.path;
    throw new RemoraError('store-unavailable', `Redis at ${where} does not answer: ${messageOf(error)}.`, {
      cause: error,
    });
  }
};
