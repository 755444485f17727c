import { isEnded, runStatuses } from '@remora/shared/model/run.ts';
import type { Redis } from 'ioredis';
import { RECORD } from '../../audit/audit-lua.ts';
import { FORGET } from './run-retention.ts';

/**
 * The Lua scripts by which runs change. Each is one atomic step in Redis, and each may be sent twice: ioredis sends a command again when the answer was
 * lost with the connection. CREATE and WRITE record in the audit log what they change; see RECORD for what they answer when it moved on.
 */

/** Events that are kept of a run; the oldest go first. */
const KEPT_EVENTS = 5000;

/** Appends an event (JSON without its seq), numbered without a gap, and wakes whoever follows the run. */
export const EMIT = `
local function emit(key, run, channel, event)
  local seq = redis.call('HINCRBY', key, 'events', 1)
  local text = '{"seq":' .. seq .. ',' .. string.sub(event, 2)
  redis.call('XADD', key .. ':events', 'MAXLEN', '~', ${KEPT_EVENTS}, seq .. '-0', 'event', text)
  redis.call('PUBLISH', channel, run)
end`;

/** Ends a run that nobody drives, in a script whose first two keys are the run and `waiting`. With `emit`. */
export const END = `${EMIT}
local function finish(run, status, now, problem, channel, event)
  redis.call('ZREM', KEYS[2], run)
  redis.call('HDEL', KEYS[1], 'waitingFor')
  redis.call('HSET', KEYS[1], 'status', status, 'finishedAt', now, 'error', problem)
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  emit(KEYS[1], run, channel, event)
end`;

/**
 * CREATE: files a run as waiting, behind all that wait or before them, once per idempotency key, and forgets old ones in its place. Answers the run's id: the new one, or the
 * one that the key made before.
 * KEYS run, its plan, runs, open runs, waiting, run of the key, meta, audit  ARGV runId, head JSON, clusters JSON, plan JSON, seconds the key holds or '', event,
 * channel, prefix of run keys, number of steps, '1' for before all that wait, audit
 */
const CREATE = `${EMIT}${RECORD}${FORGET}
local run = ARGV[1]
if ARGV[5] ~= '' then
  local known = redis.call('GET', KEYS[6])
  if known then return known end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return run end
local elsewhere = moved()
if elsewhere then return elsewhere end
local order = redis.call('HINCRBY', KEYS[7], 'runsCreated', 1)
redis.call('HSET', KEYS[1], 'head', ARGV[2], 'clusters', ARGV[3], 'status', 'waiting', 'fence', 0, 'version', 0, 'steps', ARGV[9])
redis.call('HINCRBY', KEYS[7], 'runSteps', ARGV[9])
redis.call('SET', KEYS[2], ARGV[4])
redis.call('ZADD', KEYS[3], order, run)
redis.call('SADD', KEYS[4], run)
redis.call('ZADD', KEYS[5], ARGV[10] == '1' and -order or order, run)
if ARGV[5] ~= '' then redis.call('SET', KEYS[6], run, 'EX', ARGV[5]) end
emit(KEYS[1], run, ARGV[7], ARGV[6])
forget(KEYS[3], KEYS[4], KEYS[7], ARGV[8])
record(1)
return run`;

/**
 * ADMIT: gives every waiting run that can have them all its clusters, first in first out; a run gets all of its clusters or none. `claimed` has the clusters
 * of those that go on waiting: nobody later passes them, or a run of two busy clusters would wait for ever behind runs of one. A resumed run that still has
 * its clusters, since something is left to put back, waits for nobody: they wait for it. A run that was resumed half-way (`begun`) gets none once another run
 * had one of them: its plan does not know what that one did. It claims nothing and stays where it is; OVERTAKEN ends it. Answers who was admitted, and pairs of
 * who was overtaken and by whom.
 * KEYS locks, waiting, last holders  ARGV prefix of run keys, now as ISO 8601, channel
 */
const ADMIT = `${EMIT}
local function tell(run, status, message)
  local event = '{"at":"' .. ARGV[2] .. '","runId":"' .. run .. '","type":"run","stepId":null,"status":"' .. status
  emit(ARGV[1] .. run, run, ARGV[3], event .. '","message":"' .. message .. '"}')
end
local claimed, admitted, overtaken = {}, {}, {}
local function owns(run, clusters)
  for _, cluster in ipairs(clusters) do
    if redis.call('HGET', KEYS[1], cluster) ~= run then return false end
  end
  return true
end
local function between(run, key, clusters)
  if redis.call('HEXISTS', key, 'begun') == 0 then return nil end
  for _, cluster in ipairs(clusters) do
    local last = redis.call('HGET', KEYS[3], cluster)
    if last and last ~= run then return last end
  end
end
local function blocker(run, clusters)
  for _, cluster in ipairs(clusters) do
    local owner = redis.call('HGET', KEYS[1], cluster)
    if owner and owner ~= run then return owner end
  end
  for _, cluster in ipairs(clusters) do
    if claimed[cluster] then return claimed[cluster] end
  end
end
for _, run in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local key = ARGV[1] .. run
  local clusters = cjson.decode(redis.call('HGET', key, 'clusters') or 'null')
  local isFree = clusters == cjson.null or owns(run, clusters)
  local other = not isFree and between(run, key, clusters)
  local holder = not isFree and blocker(run, clusters)
  if clusters == cjson.null then
    redis.call('ZREM', KEYS[2], run)
  elseif other then
    table.insert(overtaken, { run, other })
  elseif holder then
    for _, cluster in ipairs(clusters) do claimed[cluster] = claimed[cluster] or run end
    if redis.call('HGET', key, 'waitingFor') ~= holder then
      redis.call('HSET', key, 'waitingFor', holder, 'waited', 1)
      tell(run, 'waiting', 'waits for ' .. holder)
    end
  else
    for _, cluster in ipairs(clusters) do
      redis.call('HSET', KEYS[1], cluster, run)
      redis.call('HSET', KEYS[3], cluster, run)
    end
    redis.call('ZREM', KEYS[2], run)
    redis.call('HDEL', key, 'waitingFor')
    redis.call('HSET', key, 'status', 'running')
    tell(run, 'running', 'holds its clusters')
    table.insert(admitted, run)
  end
end
return { admitted, overtaken }`;

/**
 * TAKE: makes the caller the only one who may write to the run. A fence is above every one before, of all runs: an agent compares the fence of one run with
 * that of the next. It is never below Redis' clock in ms, so it grows also after a wipe or a fail-over. Answers the run's hash, or an empty list when there
 * is nothing to drive: no such run, or not admitted.  KEYS run, meta
 */
const TAKE = `
local status = redis.call('HGET', KEYS[1], 'status')
if not status or status == 'waiting' or status == 'paused' then return {} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local own = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
local last = tonumber(redis.call('HGET', KEYS[2], 'lastFence') or '0')
local fence = string.format('%.0f', math.max(own + 1, last + 1, now))
redis.call('HSET', KEYS[2], 'lastFence', fence)
redis.call('HSET', KEYS[1], 'fence', fence)
redis.call('HINCRBY', KEYS[1], 'version', 1)
return redis.call('HGETALL', KEYS[1])`;

/**
 * WRITE: compare-and-set on (fence, version): fields of the run and an event in one step. Answers the new version, -1 when somebody else took the run, and the
 * first answer again for a request that it has seen.
 * KEYS run, audit  ARGV runId, fence, version, request, patch JSON [[field, text or false]...], event JSON without seq or '', channel, audit
 */
const WRITE = `${EMIT}${RECORD}
local found = redis.call('HMGET', KEYS[1], 'fence', 'version', 'request')
if found[1] ~= ARGV[2] then return -1 end
if found[3] == ARGV[4] then return tonumber(found[2]) end
if found[2] ~= ARGV[3] then return -1 end
local elsewhere = moved()
if elsewhere then return elsewhere end
for _, change in ipairs(cjson.decode(ARGV[5])) do
  if change[2] then redis.call('HSET', KEYS[1], change[1], change[2]) else redis.call('HDEL', KEYS[1], change[1]) end
end
if ARGV[6] ~= '' then emit(KEYS[1], ARGV[1], ARGV[7], ARGV[6]) end
redis.call('HSET', KEYS[1], 'request', ARGV[4])
record(1)
return redis.call('HINCRBY', KEYS[1], 'version', 1)`;

/**
 * FILE: a record of the inventory, written or forgotten only while the run's fence is the caller's; with the record that was read, only where that stands there still (else -1).
 * KEYS run, collection  ARGV fence, id, record JSON or '', the record that was read
 */
const FILE = `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
if ARGV[4] and redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[4] then return -1 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[2], ARGV[2]) else redis.call('HSET', KEYS[2], ARGV[2], ARGV[3]) end
return 1`;

const ENDED = runStatuses
  .filter(isEnded)
  .map((status) => `${status} = true`)
  .join(', ');

/**
 * RELEASE: gives back the clusters of a run that has ended and has nothing left to put back. Answers `released`, `waiting`, or `to-drive`.
 * KEYS run, locks, open runs  ARGV runId
 */
const RELEASE = `
local ended = { ${ENDED} }
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'waiting' or status == 'paused' then return 'waiting' end
if status and not ended[status] then return 'to-drive' end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 8) == 'restore:' then return 'to-drive' end
end
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  if all[i + 1] == ARGV[1] then redis.call('HDEL', KEYS[2], all[i]) end
end
redis.call('SREM', KEYS[3], ARGV[1])
return 'released'`;

const definitions = {
  remoraCreateRun: { numberOfKeys: 9, lua: CREATE },
  remoraAdmit: { numberOfKeys: 3, lua: ADMIT },
  remoraTake: { numberOfKeys: 2, lua: TAKE },
  remoraWrite: { numberOfKeys: 3, lua: WRITE },
  remoraFile: { numberOfKeys: 2, lua: FILE },
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
