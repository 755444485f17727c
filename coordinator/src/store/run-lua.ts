import type { Redis } from 'ioredis';

/**
 * The Lua scripts by which runs change. Each is one atomic step in Redis, and each may be sent twice: ioredis sends a command again when the answer was
 * lost with the connection.
 */

/**
 * CREATE: files a run as waiting, once per idempotency key. Answers the run's id: the new one, or the one that the key made before.
 * KEYS run, runs, openRuns, waiting, idempotency key, plan  ARGV runId, head JSON, created ms, order, plan JSON, has key ('1' or '')
 */
const CREATE = `
if ARGV[6] == '1' then
  local known = redis.call('GET', KEYS[5])
  if known then return known end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return ARGV[1] end
redis.call('SET', KEYS[6], ARGV[5])
redis.call('HSET', KEYS[1], 'head', ARGV[2], 'status', 'waiting', 'fence', 0, 'version', 0, 'restarts', '[]')
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[1])
if ARGV[6] == '1' then redis.call('SET', KEYS[5], ARGV[1], 'EX', 86400) end
return ARGV[1]`;

/**
 * ADMIT: gives every waiting run that can have them all its clusters, first in first out; a run gets all of its clusters or none, and never passes an earlier
 * waiter that needs one of them. Answers [waiting run, run that holds what it needs] pairs of those that go on waiting.
 * KEYS waiting, locks  ARGV prefix of run keys
 */
const ADMIT = `
local blocked = {}
local still = {}
for _, run in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local key = ARGV[1] .. run
  local head = redis.call('HGET', key, 'head')
  if not head then
    redis.call('ZREM', KEYS[1], run)
  else
    local clusters = cjson.decode(head).clusters
    local holder = false
    for _, cluster in ipairs(clusters) do
      local owner = redis.call('HGET', KEYS[2], cluster)
      if owner and owner ~= run then holder = owner elseif blocked[cluster] then holder = holder or blocked[cluster] end
    end
    if holder then
      for _, cluster in ipairs(clusters) do blocked[cluster] = blocked[cluster] or run end
      table.insert(still, run)
      table.insert(still, holder)
    else
      for _, cluster in ipairs(clusters) do redis.call('HSET', KEYS[2], cluster, run) end
      redis.call('ZREM', KEYS[1], run)
      redis.call('HSET', key, 'status', 'running')
    end
  end
end
return still`;

/**
 * TAKE: makes the caller the only one who may write to the run. The fence is monotonic also after a wipe or a fail-over, since it is never below Redis' clock
 * in ms. Answers the fence.  KEYS run
 */
const TAKE = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local fence = math.max(tonumber(redis.call('HGET', KEYS[1], 'fence') or '0') + 1, now)
redis.call('HSET', KEYS[1], 'fence', string.format('%.0f', fence))
redis.call('HDEL', KEYS[1], 'request')
return string.format('%.0f', fence)`;

/**
 * WRITE: compare-and-set on (fence, version): fields of the run and an event in one step. Answers the new version, -1 when somebody else took the run, and the
 * same version again for a request that it has seen.
 * KEYS run, events, channel  ARGV fence, version, request, patch JSON [[field, text or false]...], event JSON without seq or '', max events
 */
const WRITE = `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return -1 end
local version = tonumber(redis.call('HGET', KEYS[1], 'version'))
if redis.call('HGET', KEYS[1], 'request') == ARGV[3] then return version end
if version ~= tonumber(ARGV[2]) then return -1 end
for _, change in ipairs(cjson.decode(ARGV[4])) do
  if change[2] then redis.call('HSET', KEYS[1], change[1], change[2]) else redis.call('HDEL', KEYS[1], change[1]) end
end
redis.call('HSET', KEYS[1], 'version', version + 1, 'request', ARGV[3])
if ARGV[5] ~= '' then
  local seq = redis.call('HINCRBY', KEYS[1], 'events', 1)
  local event = '{"seq":' .. seq .. ',' .. string.sub(ARGV[5], 2)
  redis.call('RPUSH', KEYS[2], event)
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[6]), -1)
  redis.call('PUBLISH', KEYS[3], event)
end
return version + 1`;

/**
 * RELEASE: gives back the clusters of a run that has ended and has nothing left to put back. Answers 1 when it did.
 * KEYS run, locks, openRuns  ARGV runId
 */
const RELEASE = `
local status = redis.call('HGET', KEYS[1], 'status')
if status and status ~= 'succeeded' and status ~= 'failed' and status ~= 'cancelled' and status ~= 'rolled_back' then return 0 end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 8) == 'restore:' then return 0 end
end
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  if all[i + 1] == ARGV[1] then redis.call('HDEL', KEYS[2], all[i]) end
end
redis.call('SREM', KEYS[3], ARGV[1])
return 1`;

const definitions = {
  remoraCreateRun: { numberOfKeys: 6, lua: CREATE },
  remoraAdmit: { numberOfKeys: 2, lua: ADMIT },
  remoraTake: { numberOfKeys: 1, lua: TAKE },
  remoraWrite: { numberOfKeys: 3, lua: WRITE },
  remoraRelease: { numberOfKeys: 3, lua: RELEASE },
} as const;

export type RunScripts = {
  readonly [N in keyof typeof definitions]: (...args: (string | number)[]) => Promise<unknown>;
};

/** Defines the scripts on a connection; ioredis sends them by their hash. */
export const defineRunScripts = (redis: Redis): RunScripts => {
  for (const [name, definition] of Object.entries(definitions)) redis.defineCommand(name, definition);
  return redis as unknown as RunScripts;
};
