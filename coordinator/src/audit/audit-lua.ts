import { EMPTY_CHAIN } from './chain.ts';

/** The newest entries that are kept; older ones go, a few later than they may. */
export const KEPT_ENTRIES = 100_000;
/** How long the answer of a change that was made once is remembered: much longer than a command can be on its way. */
const ANSWER_KEPT_SECONDS = 3600;

/**
 * For scripts that record what they change in the same step. Their last two KEYS are the log and its head. Their last two ARGV are the hash that the entries
 * were chained to, and the entries as JSON [[seq, hash, text]...]. `moved` answers the head when it is another one by now: then the script changes nothing and
 * returns that. `record` appends the first `count` entries. A log that somebody else wrote to takes them too, since a run must go on: `audit verify` tells.
 */
export const RECORD = `
local function moved()
  if ARGV[#ARGV] == '[]' then return nil end
  local head = redis.call('HMGET', KEYS[#KEYS], 'seq', 'hash')
  local hash = head[2] or '${EMPTY_CHAIN.hash}'
  if hash ~= ARGV[#ARGV - 1] then return { 'moved', head[1] or '0', hash } end
end
local function append(id, text)
  return redis.pcall('XADD', KEYS[#KEYS - 1], 'MAXLEN', '~', ${KEPT_ENTRIES}, id, 'entry', text)
end
local function record(count)
  for i, entry in ipairs(cjson.decode(ARGV[#ARGV])) do
    if i > count then break end
    local added = append(entry[1] .. '-0', entry[3])
    if type(added) == 'table' and added.err then append('*', entry[3]) end
    redis.call('HSET', KEYS[#KEYS], 'seq', entry[1], 'hash', entry[2])
  end
end`;

/**
 * A script of a change that is asked for once. The body returns a text or number and calls \`record\` where it changed something. Sent again after a lost
 * reply it changes nothing and answers as the first time; the KEYS before the last two are where that is remembered. Answers are texts.
 */
export const once = (body: string): string => `${RECORD}
local known = redis.call('GET', KEYS[#KEYS - 2])
if known then return known end
local elsewhere = moved()
if elsewhere then return elsewhere end
local function change()
${body}
end
local answer = tostring(change())
redis.call('SET', KEYS[#KEYS - 2], answer, 'EX', ${ANSWER_KEPT_SECONDS})
return answer`;
