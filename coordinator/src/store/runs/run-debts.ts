import type { StepError } from '@remora/shared/model/run.ts';
import type { Redis } from 'ioredis';
import { once } from '../../audit/audit-lua.ts';
import { AuditRecorder } from '../../audit/recorder.ts';
import type { Clock } from '../../clock.ts';
import type { DebtRecord } from '../../plan/records.ts';
import { channels, keys } from '../keys.ts';
import { entryOf, runEvent } from './run-entry.ts';
import { parseRunHash } from './run-hash.ts';
import { EMIT } from './run-lua.ts';

/**
 * FORGET-DEBT: forgets a debt as long as it is the one that was read: its run may have gone on and filed another. With an error the run, if it still stands as
 * failed, says that it does not go on. Answers 1 when it did.
 * KEYS debts, run  ARGV runId, the debt that was read, error JSON or '', event, channel
 */
const FORGET_DEBT = once(`${EMIT}
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
if ARGV[3] ~= '' and redis.call('HGET', KEYS[2], 'status') == 'failed' then
  redis.call('HSET', KEYS[2], 'error', ARGV[3])
  redis.call('HINCRBY', KEYS[2], 'version', 1)
  emit(KEYS[2], ARGV[1], ARGV[5], ARGV[4])
  record(1)
end
return 1`);

/** Forgets a debt that was settled, or given up for a reason, which the run then says. */
export const forgetDebt =
  (redis: Redis, clock: Clock) =>
  async (debt: DebtRecord, actor: string, why: StepError | null): Promise<void> => {
    const { runId } = debt;
    const record = parseRunHash(await redis.hgetall(keys.run(runId)));
    const message = why?.message ?? '';
    const event = runEvent(clock().toISOString(), runId, 'failed', message);
    const told = [why && record ? JSON.stringify(why) : '', event, channels.runEvents];
    const script = {
      lua: FORGET_DEBT,
      keys: [keys.debts, keys.run(runId)],
      args: [runId, JSON.stringify(debt), ...told],
    };
    const entry = record && { ...entryOf(record, actor, 'run.end'), outcome: 'failed', detail: why?.code ?? '' };
    await new AuditRecorder(clock).once(redis, script, entry ? [entry] : []);
  };
