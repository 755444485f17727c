import { messageOf } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';

/** How safe the store is with a Redis, by its settings. */
export interface Durability {
  /** What may be lost and which setting ends that, a sentence each. */
  readonly problems: readonly string[];
  /** Settings that this Redis would not tell, and why. */
  readonly unknown: string | null;
}

/** What a Redis has to be set to, and what else becomes of the store. */
const wanted: Readonly<Record<string, { readonly value: string; readonly otherwise: string }>> = {
  appendonly: { value: 'yes', otherwise: 'a restart of Redis loses what was written since its last snapshot, or all' },
  appendfsync: { value: 'always', otherwise: 'a crash of its machine loses what was done last' },
  'maxmemory-policy': { value: 'noeviction', otherwise: 'runs and secrets are lost when its memory is full' },
};

/** A field of what INFO answers; null where it does not say. */
export const infoField = (info: string, name: string): string | null =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? null;

/** Hosted services refuse CONFIG; INFO tells two of the three there. */
const fromInfo = async (redis: Redis): Promise<Readonly<Record<string, string | null>>> => {
  const info = await redis.info();
  const aof = infoField(info, 'aof_enabled');
  return {
    appendonly: aof === null ? null : aof === '1' ? 'yes' : 'no',
    'maxmemory-policy': infoField(info, 'maxmemory_policy'),
  };
};

/** Asks a Redis how safe it keeps what was answered. Throws when it does not answer at all. */
export const readDurability = async (redis: Redis): Promise<Durability> => {
  const told = await fromInfo(redis);
  const found: Record<string, string | null> = {};
  let refusal = '';
  for (const name of Object.keys(wanted)) {
    const answer = await redis.config('GET', name).catch((error: unknown) => {
      refusal = messageOf(error);
      return [];
    });
    found[name] = (answer as string[])[1] ?? told[name] ?? null;
  }
  // Without a log of writes there is nothing to bring to disk.
  const names = Object.keys(wanted).filter((name) => name !== 'appendfsync' || found.appendonly !== 'no');
  const problems = names.flatMap((name) => {
    const { value, otherwise } = wanted[name] ?? { value: '', otherwise: '' };
    const is = found[name];
    return is === null || is === value ? [] : [`${name} is ${is}: ${otherwise}. Set it to ${value}.`];
  });
  const unknown = names.filter((name) => found[name] === null);
  return {
    problems,
    unknown:
      unknown.length === 0
        ? null
        : `Redis could not be asked for ${unknown.join(', ')} (${refusal || 'it has no such setting'}). It has to be ${unknown.map((name) => `${name} ${wanted[name]?.value}`).join(', ')}.`,
  };
};
