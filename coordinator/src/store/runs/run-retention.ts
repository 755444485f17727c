/** Ended runs beyond this number are forgotten, oldest first. */
export const KEPT_RUNS = 10_000;
/** The same for the steps of all runs together, so that large runs do not fill Redis: about 150 MB of them. */
export const KEPT_STEPS = 200_000;
/** Of ended runs beyond this number the plan and the events go: what they did stays, but they cannot be resumed any more. */
export const KEPT_WHOLE = 1000;

/** Plans that were filed by themselves beyond this number are forgotten, oldest first. */
export const KEPT_PLANS = 1000;

/** How far one creation looks for what may go; runs that have not ended stay where they are, so it may have to pass some. */
const REACH = 200;

/**
 * For CREATE: forgets what the retention allows. Each creation adds one run, so a look at the few that stand at its bounds is enough. `prefix` is that of run
 * keys, and \`runSteps\` of meta counts the steps of the runs that are kept.
 */
export const FORGET = `
local function forget(runs, open, meta, prefix)
  local function is_open(run) return redis.call('SISMEMBER', open, run) == 1 end
  for _, run in ipairs(redis.call('ZREVRANGE', runs, ${KEPT_WHOLE}, ${KEPT_WHOLE + 9})) do
    if not is_open(run) then redis.call('UNLINK', prefix .. run .. ':plan', prefix .. run .. ':events') end
  end
  local count = redis.call('ZCARD', runs)
  local steps = tonumber(redis.call('HGET', meta, 'runSteps') or '0')
  if count <= ${KEPT_RUNS} and steps <= ${KEPT_STEPS} then return end
  for _, run in ipairs(redis.call('ZRANGE', runs, 0, ${REACH - 1})) do
    if count <= ${KEPT_RUNS} and steps <= ${KEPT_STEPS} then return end
    if not is_open(run) then
      local own = redis.call('HGET', prefix .. run, 'steps') or '0'
      steps = redis.call('HINCRBY', meta, 'runSteps', -tonumber(own))
      redis.call('UNLINK', prefix .. run, prefix .. run .. ':plan', prefix .. run .. ':events')
      redis.call('ZREM', runs, run)
      count = count - 1
    end
  end
end`;
