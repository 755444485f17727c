import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { once } from '../../audit/audit-lua.ts';
import type { AuditRecorder } from '../../audit/recorder.ts';
import type { Clock } from '../../clock.ts';
import { channels, keys } from '../keys.ts';
import { entryOf, runEvent } from './run-entry.ts';
import { parseRunHash } from './run-hash.ts';
import { EMIT } from './run-lua.ts';

/** The run that took another one back, and who drives it for whom. */
export interface RollbackBy {
  readonly runId: string;
  readonly fence: number;
  readonly actor: string;
}

/**
 * Marks a run as taken back, while the fence of the run that did it is the caller's. Answers `done`, `fence`, or the status that does not allow it.
 * KEYS run that did it, run taken back  ARGV fence, id of the first, id of the second, event, channel
 */
const ROLLED_BACK = once(`${EMIT}
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 'fence' end
local found = redis.call('HMGET', KEYS[2], 'status', 'rollback')
local status = found[1]
if status == 'rolled_back' and found[2] == ARGV[2] then return 'done' end
if status ~= 'succeeded' and status ~= 'failed' and status ~= 'cancelled' then return status end
redis.call('HSET', KEYS[2], 'status', 'rolled_back', 'rollback', ARGV[2])
redis.call('HINCRBY', KEYS[2], 'version', 1)
emit(KEYS[2], ARGV[3], ARGV[5], ARGV[4])
record(1)
return 'done'`);

export const markRolledBack = async (
  redis: Redis,
  audit: AuditRecorder,
  clock: Clock,
  runId: string,
  by: RollbackBy,
): Promise<boolean> => {
  const record = parseRunHash(await redis.hgetall(keys.run(runId)));
  // Forgotten meanwhile, with all that is kept of old runs.
  if (!record) return true;
  const message = `rolled back by ${by.runId}`;
  const event = runEvent(clock().toISOString(), runId, 'rolled_back', message);
  const args = [by.fence, by.runId, runId, event, channels.runEvents];
  const entry = { ...entryOf(record, by.actor, 'run.rollback'), detail: message };
  const answer = await audit.once(redis, { lua: ROLLED_BACK, keys: [keys.run(by.runId), keys.run(runId)], args }, [
    entry,
  ]);
  if (answer === 'done') return true;
  if (answer === 'fence') return false;
  throw new RemoraError('conflict', `Run ${runId} was not marked as rolled back: it is ${answer}.`, {
    hint: `See \`remora runs show ${runId}\`: another run took it back, or it goes on.`,
  });
};
