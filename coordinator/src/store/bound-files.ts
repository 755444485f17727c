import { hostname } from 'node:os';
import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { keys } from './keys.ts';

/** What a coordinator keeps in files, and a store is good for nothing without. The names are fields of `keys.meta`. */
const boundFiles = {
  fleetCaFingerprint: {
    what: 'fleet CA',
    files: ['fleet-ca.crt', 'fleet-ca.key'],
    anew: 'a new fleet CA, for which every agent has to join again',
  },
  sealingKeyId: {
    what: 'sealing key',
    files: ['sealing.key'],
    anew: 'a new sealing key, where the store holds no secret',
  },
} as const;
type BoundFile = keyof typeof boundFiles;

/** Whether the store belongs to one of them already. */
export const isBound = async (redis: Redis, name: BoundFile): Promise<boolean> =>
  (await redis.hexists(keys.meta, name)) === 1;

interface OwnFile {
  readonly name: BoundFile;
  /** Fingerprint or id, from which nothing of a key can be told. */
  readonly value: string;
  readonly path: string;
}

const homeOf = (name: BoundFile): string => `${name}From`;

/**
 * Throws `data-directory` when the store belongs to another file than this one, or those that are as good: agents would trust nobody, and secrets could not be
 * opened.
 */
export const refuseOtherFile = async (
  redis: Redis,
  { name, value, path }: OwnFile,
  asGood: readonly string[] = [],
): Promise<void> => {
  const home = homeOf(name);
  const [bound, from] = await redis.hmget(keys.meta, name, home);
  if (!bound || bound === value || asGood.includes(bound)) return;
  const { what, files, anew } = boundFiles[name];
  throw new RemoraError(
    'data-directory',
    `This store belongs to the ${what} ${bound}, and ${path} is another one (${value}).`,
    {
      hint: `Copy ${files.join(' and ')} of a coordinator that works with this store, first ${from}, to the place of that one. To begin with ${anew}: \`redis-cli HDEL ${keys.meta} ${name} ${home}\`.`,
    },
  );
};

/**
 * Makes the store belong to the file that this coordinator has, or compares it with the one that it belongs to. Throws `data-directory` when that is another.
 * With `replace`, the file is taken as the new one.
 */
export const bindFile = async (
  redis: Redis,
  own: OwnFile & { readonly dataDir: string; readonly replace: boolean },
): Promise<void> => {
  const { name, value } = own;
  const home = homeOf(name);
  const here = `${hostname()}:${own.dataDir}`;
  if (own.replace) await redis.hset(keys.meta, name, value, home, here);
  else await redis.multi().hsetnx(keys.meta, name, value).hsetnx(keys.meta, home, here).exec();
  await refuseOtherFile(redis, own);
};
