import { randomUUID } from 'node:crypto';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { Redis } from 'ioredis';
import { keys } from './keys.ts';

/** Of the layout of the keys. A store of a newer one is refused: an older coordinator would damage it. */
const SCHEMA_VERSION = 1;
/** A command waits this long for a Redis that is being restarted, then fails; the caller says so and tries later. */
const COMMAND_TIMEOUT_MS = 10_000;

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

const connect = (
  address: StoreAddress,
  own: { readonly connectionName: string; readonly commandTimeout?: number },
): Redis => {
  // Commands wait while Redis is being restarted, and reconnecting never gives up.
  const retryStrategy = (times: number): number => Math.min(50 * times, 1000);
  const options = { ...own, maxRetriesPerRequest: null, retryStrategy, lazyConnect: true };
  return 'url' in address ? new Redis(address.url, options) : new Redis({ ...options, path: address.path });
};

const checkEviction = async (redis: Redis): Promise<void> => {
  const [, policy] = (await redis.call('CONFIG', 'GET', 'maxmemory-policy').catch(() => [])) as string[];
  if (policy !== undefined && policy !== 'noeviction') {
    throw new RemoraError(
      'store-unavailable',
      `Redis evicts keys when its memory is full (maxmemory-policy ${policy}), which would lose runs and secrets: set maxmemory-policy noeviction.`,
    );
  }
};

const readIdentity = async (redis: Redis): Promise<string> => {
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
 * depend on the number of agents.
 */
export const openStore = async (address: StoreAddress): Promise<Store> => {
  const redis = connect(address, { connectionName: 'remora', commandTimeout: COMMAND_TIMEOUT_MS });
  const subscriber = connect(address, { connectionName: 'remora-subscriber' });
  // Each outage would be an unhandled event otherwise; commands that time out tell the story.
  for (const one of [redis, subscriber]) one.on('error', () => undefined);
  try {
    await redis.connect();
    await subscriber.connect();
    await checkEviction(redis);
    const storeId = await readIdentity(redis);
    const close = async (): Promise<void> => {
      subscriber.disconnect();
      await redis.quit().catch(() => redis.disconnect());
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
