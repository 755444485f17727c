import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { ALIVE_RENEW_MS, gatewayKeys } from '../gateway/gateway-keys.ts';
import { channels, keys } from '../store/keys.ts';

/** One key of the store. */
export interface CopiedKey {
  readonly key: string;
  /** When it expires, in ms since 1970; 0 when it does not. */
  readonly untilMs: number;
  /** As DUMP gives it, base64. */
  readonly dump: string;
}

const PREFIX = keys.run('').replace(/run:$/, '');

/**
 * What is no state: jobs and their locks, which the reconciler makes anew; which coordinator holds which socket; who lives; what is on its way to agents;
 * and answers to commands that were sent twice.
 */
const leftOut = [keys.queues, keys.sessions, channels.coordinator(''), keys.delivery(''), keys.auditRequest('')];

/** ARGV: pattern of all keys, beginnings of those that are left out. Answers key, time to live in ms and DUMP of each, at one moment. */
const COPY = `
local found, seen, cursor = {}, {}, '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local wanted = not seen[key]
    for i = 2, #ARGV do wanted = wanted and string.sub(key, 1, #ARGV[i]) ~= ARGV[i] end
    if wanted then
      seen[key] = true
      found[#found + 1] = key
      found[#found + 1] = tostring(redis.call('PTTL', key))
      found[#found + 1] = redis.call('DUMP', key)
    end
  end
until cursor == '0'
return found`;

/** Everything that the store holds, as it is at one moment: one script, during which Redis answers nobody else. */
export const copyStore = async (redis: Redis): Promise<CopiedKey[]> => {
  const flat = (await redis.callBuffer('EVAL', COPY, '0', `${PREFIX}*`, ...leftOut)) as Buffer[];
  const now = Date.now();
  const copied: CopiedKey[] = [];
  for (let i = 0; i + 2 < flat.length; i += 3) {
    const [key, ttl, dump] = flat.slice(i, i + 3) as [Buffer, Buffer, Buffer];
    const ttlMs = Number(ttl.toString());
    copied.push({ key: key.toString(), untilMs: ttlMs < 0 ? 0 : now + ttlMs, dump: dump.toString('base64') });
  }
  return copied;
};

/** Puts keys back. Throws `data-directory` when this Redis does not understand them. */
export const putKeys = async (redis: Redis, copied: readonly CopiedKey[]): Promise<void> => {
  const pipeline = redis.pipeline();
  for (const { key, untilMs, dump } of copied) {
    pipeline.restore(key, untilMs, Buffer.from(dump, 'base64'), 'REPLACE', 'ABSTTL');
  }
  const answers = (await pipeline.exec()) ?? [];
  const failure = answers.find(([error]) => error)?.[0];
  if (!failure) return;
  throw new RemoraError('data-directory', `Redis did not take what the back-up holds: ${messageOf(failure)}.`, {
    hint: 'The Redis that it is restored into must be as new as the one that it was made from.',
    cause: failure,
  });
};

/** Names of keys, a page at a time; a name may come twice. */
async function* pagesOf(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1000);
    if (found.length > 0) yield found;
    cursor = next;
  } while (cursor !== '0');
}

/** Removes everything of Remora: what a restore that failed half-way wrote, or what is left in a store that was wiped. */
export const clearStore = async (redis: Redis): Promise<void> => {
  for await (const page of pagesOf(redis, `${PREFIX}*`)) await redis.unlink(page);
};

/** What only a coordinator that works with its store files: one that runs on beside a store that was wiped leaves none of it. */
export const countKept = async (redis: Redis): Promise<{ runs: number; secrets: number; apiKeys: number }> => {
  const runs = new Set<string>();
  for await (const page of pagesOf(redis, keys.run('*'))) {
    for (const key of page) runs.add(key.slice(keys.run('').length).replace(/:.*/, ''));
  }
  const [secrets, apiKeys] = await Promise.all([redis.hlen(keys.secrets), redis.hlen(keys.apiKeys)]);
  return { runs: runs.size, secrets, apiKeys };
};

const saidToLive = async (redis: Redis): Promise<string[]> => {
  const [before = '', after = ''] = gatewayKeys.alive('*').split('*');
  const living = new Set<string>();
  for await (const page of pagesOf(redis, gatewayKeys.alive('*'))) {
    for (const key of page) living.add(key.slice(before.length, -after.length));
  }
  return [...living];
};

/** Whether somebody listens as coordinators do, also to another database of this Redis; true where Redis does not say. */
const mayBeListenedTo = async (redis: Redis): Promise<boolean> => {
  const answer = (await redis.pubsub('NUMSUB', channels.deliveries).catch(() => null)) as unknown[] | null;
  return answer?.[1] !== 0;
};

/**
 * The coordinators that work with this Redis, as they say every few seconds. What they said goes with the rest when the store is wiped: so where somebody
 * listens, this waits until it is said again.
 */
export const livingCoordinators = async (redis: Redis): Promise<string[]> => {
  const living = await saidToLive(redis);
  if (living.length > 0 || !(await mayBeListenedTo(redis))) return living;
  await sleep(ALIVE_RENEW_MS + 500);
  return saidToLive(redis);
};
