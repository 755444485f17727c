import { join } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import { shellWord } from '@remora/shared/model/values/shell-word.ts';
import { Redis } from 'ioredis';
import type { CoordinatorConfig } from '../config.ts';
import type { StoreAddress } from '../store/open-store.ts';
import { startPrivateRedis } from '../store/private-redis/private-redis.ts';
import { askRedis, socketPathIn } from '../store/private-redis/private-redis-socket.ts';

/** A store, as somebody beside its coordinators opens it. */
export interface StorePlace {
  readonly redis: Redis;
  close(): Promise<void>;
}

const CONNECT_LIMIT_MS = 10_000;

/** No time limit a command: copying a large store takes longer than a coordinator would wait for anything. */
const connect = async (address: StoreAddress, end: () => Promise<void>): Promise<StorePlace> => {
  const own = {
    connectionName: 'remora-backup',
    lazyConnect: true,
    connectTimeout: CONNECT_LIMIT_MS,
    retryStrategy: () => null,
  };
  const redis = 'url' in address ? new Redis(address.url, own) : new Redis({ ...own, path: address.path });
  let failure = 'it does not answer';
  redis.on('error', (error: Error) => {
    failure = error.message;
  });
  try {
    await redis.connect();
  } catch (cause) {
    await end();
    const where = 'url' in address ? new URL(address.url).host : address.path;
    throw new RemoraError('store-unavailable', `Redis at ${where} cannot be used: ${failure}.`, { cause });
  }
  return {
    redis,
    async close() {
      redis.disconnect();
      await end();
    },
  };
};

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The shared Redis, or the private one of the data directory: that which runs, or one that is started for as long as it is needed. */
export const openPlace = async ({
  redisUrl,
  dataDir,
}: Pick<CoordinatorConfig, 'redisUrl' | 'dataDir'>): Promise<StorePlace> => {
  if (redisUrl !== null) return connect({ url: redisUrl }, async () => undefined);
  const socket = await socketPathIn(join(dataDir, 'redis')).catch(() => null);
  if (socket !== null && (await askRedis(socket.path)).state === 'ready') {
    return connect({ path: socket.path }, () => socket.close());
  }
  await socket?.close();
  return startPlace(dataDir);
};

/** A private Redis that nobody else uses. */
export const startPlace = async (dataDir: string): Promise<StorePlace> => {
  const redis = await startPrivateRedis({ directory: dataDir, log: quiet });
  return connect(redis.options, () => redis.stop());
};

/**
 * The command that takes everything of Remora out of a shared Redis. It names that one, since without it another one would be emptied; its password is left
 * out, and comes from the environment.
 */
export const emptyingCommand = (redisUrl: string): string => {
  const { protocol, host, pathname, username, password } = new URL(redisUrl);
  const user = username === '' ? '' : ` --user ${shellWord(decodeURIComponent(username))}`;
  const cli = `redis-cli -u ${shellWord(`${protocol}//${host}${pathname}`)}${user}`;
  const auth = password === '' ? '' : ', with its password in REDISCLI_AUTH';
  return `\`${cli} --scan --pattern 'remora:*' | xargs -r ${cli} unlink\`${auth}`;
};
