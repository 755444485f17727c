import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { once } from '../../audit/audit-lua.ts';
import type { AuditRecorder } from '../../audit/recorder.ts';
import type { Clock } from '../../clock.ts';
import { channels, keys } from '../keys.ts';
import { entryOf, runEvent } from './run-entry.ts';
import { parseRunHash, type RunRecord } from './run-hash.ts';
import { END } from './run-lua.ts';

/** The command that does what is left. A restart has to name its nodes: the same command would restart again what is done. */
export const commandAgain = ({ head, steps }: RunRecord): string => {
  const left = head.outline.filter(({ id }) => steps.get(id)?.status !== 'succeeded').map(({ target }) => target);
  if (head.workflow !== 'restart' || left.length === 0)
    return 'Give the same command again: it plans with what is there now.';
  return `Restart what is left with \`remora restart ${head.clusters[0]} --limit ${left.join(',')}\`: it plans with what is there now.`;
};

/** Why a run does not go on that was stopped half-way; `what` is what it cannot be done. */
export const overtaken = (record: RunRecord, other: string, what: string): RemoraError =>
  new RemoraError(
    'plan-stale',
    `Run ${record.head.runId} cannot ${what}: run ${other} changed the same cluster since.`,
    {
      hint: commandAgain(record),
    },
  );

/**
 * OVERTAKEN: ends a run that waits and holds nothing, since ADMIT found that another run came between. Once that is so it stays so: only what became of the
 * run meanwhile is looked at. Answers whether it was ended.
 * KEYS run, waiting  ARGV runId, error JSON, now as ISO 8601, event, channel
 */
const OVERTAKEN = once(`${END}
if redis.call('HGET', KEYS[1], 'status') ~= 'waiting' then return 0 end
finish(ARGV[1], 'failed', ARGV[3], ARGV[2], ARGV[5], ARGV[4])
record(1)
return 1`);

/** Ends a waiting run as failed with `plan-stale`; nothing of it was begun since it was resumed. */
export const endOvertaken = async (
  redis: Redis,
  audit: AuditRecorder,
  clock: Clock,
  runId: string,
  other: string,
): Promise<void> => {
  const record = parseRunHash(await redis.hgetall(keys.run(runId)));
  if (!record) return;
  const { code, message, hint } = overtaken(record, other, 'go on');
  const at = clock().toISOString();
  const event = runEvent(at, runId, 'failed', message);
  const args = [runId, JSON.stringify({ code, message, hint }), at, event, channels.runEvents];
  const entry = { ...entryOf(record, record.head.actor, 'run.end'), outcome: 'failed', detail: code };
  await audit.once(redis, { lua: OVERTAKEN, keys: [keys.run(runId), keys.waiting], args }, [entry]);
};
