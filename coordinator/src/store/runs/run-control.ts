import { randomUUID } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { RunStatus } from '@remora/shared/model/run.ts';
import type { Redis } from 'ioredis';
import { once } from '../../audit/audit-lua.ts';
import { AuditRecorder } from '../../audit/recorder.ts';
import type { Clock } from '../../clock.ts';
import { channels, keys } from '../keys.ts';
import { entryOf, runEvent } from './run-entry.ts';
import { hasBegun, parseRunHash, type RunRecord, type StepState } from './run-hash.ts';
import { EMIT, END } from './run-lua.ts';
import { commandAgain, overtaken } from './run-overtaken.ts';

/** What people do to a run while nobody, or somebody else, drives it. Each is one Lua script, atomic, recorded, and harmless when it is sent twice. */

/**
 * CANCEL: ends a run that nobody drives at once, asks the driver of one that runs to stop at its next step. Answers the status that was found, or '' when
 * there is no such run. Recorded are the request, and the end if that is it.
 * KEYS run, waiting  ARGV runId, error JSON, now as ISO 8601, event of the end, event of the request, channel
 */
const CANCEL = once(`${END}
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return '' end
if status == 'waiting' or status == 'paused' then
  finish(ARGV[1], 'cancelled', ARGV[3], ARGV[2], ARGV[6], ARGV[4])
  record(2)
elseif status == 'running' and redis.call('HSETNX', KEYS[1], 'stop', ARGV[2]) == 1 then
  emit(KEYS[1], ARGV[1], ARGV[6], ARGV[5])
  record(1)
end
return status`);

/**
 * RESUME: files a run that failed or was cancelled as waiting again, behind all that wait, with the given changes; nothing unless it is as it was when they
 * were made, and no other run held the given clusters (those of one that had begun) since: its plan does not know what that one did. ADMIT looks at that again.
 * Answers `resumed`, also to a request that was seen before,
 * `changed`, or the id of the other run.
 * KEYS run, open runs, waiting, meta, last holders  ARGV runId, status, version, patch JSON, event, channel, request, clusters JSON
 */
const RESUME = once(`${EMIT}
local found = redis.call('HMGET', KEYS[1], 'status', 'version', 'asked')
if found[3] == ARGV[7] then return 'resumed' end
if found[1] ~= ARGV[2] or found[2] ~= ARGV[3] then return 'changed' end
for _, cluster in ipairs(cjson.decode(ARGV[8])) do
  local last = redis.call('HGET', KEYS[5], cluster)
  if last and last ~= ARGV[1] then return last end
end
for _, change in ipairs(cjson.decode(ARGV[4])) do
  if change[2] then redis.call('HSET', KEYS[1], change[1], change[2]) else redis.call('HDEL', KEYS[1], change[1]) end
end
redis.call('HSET', KEYS[1], 'status', 'waiting', 'waited', 1, 'asked', ARGV[7])
if ARGV[8] ~= '[]' then redis.call('HSET', KEYS[1], 'begun', 1) end
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], redis.call('HINCRBY', KEYS[4], 'runsCreated', 1), ARGV[1])
emit(KEYS[1], ARGV[1], ARGV[6], ARGV[5])
record(1)
return 'resumed'`);

/**
 * CONTINUE: a paused run, which kept its clusters, runs on. Answers the status that was found, `paused` also to a request that was seen before, or ''.
 * KEYS run  ARGV runId, event, channel, request
 */
const CONTINUE = once(`${EMIT}
local status = redis.call('HGET', KEYS[1], 'status')
if redis.call('HGET', KEYS[1], 'asked') == ARGV[4] then return 'paused' end
if status == 'paused' then
  redis.call('HSET', KEYS[1], 'status', 'running', 'continued', 1, 'asked', ARGV[4])
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  emit(KEYS[1], ARGV[1], ARGV[3], ARGV[2])
  record(1)
end
return status or ''`);

/** Who asks, and why, for the record. */
export interface Ask {
  readonly actor: string;
  readonly reason?: string;
  /** The same for a request that is sent again. */
  readonly request?: string;
}

const unknown = (runId: string): RemoraError =>
  new RemoraError('not-found', `There is no run "${runId}".`, { hint: 'See `remora runs list`.' });

const conflict = (runId: string, what: string, status: string): RemoraError =>
  new RemoraError('conflict', `Run ${runId} cannot be ${what}: it is ${status}.`, {
    hint: '`remora runs show` tells how it stands.',
  });

const tooOld = (record: RunRecord): RemoraError =>
  new RemoraError('conflict', `Run ${record.head.runId} cannot be resumed: it is so old that its plan was forgotten.`, {
    hint: commandAgain(record),
  });

/** Steps that failed begin anew, as a new attempt; what they remembered is of the old one. */
const withoutFailures = ({ steps }: RunRecord): [string, string][] =>
  [...steps]
    .filter(([, { status }]) => status === 'failed' || status === 'undone')
    .map(([id, state]) => [`step:${id}`, JSON.stringify({ ...state, status: 'pending' } satisfies StepState)]);

export class RunControl {
  readonly #redis: Redis;
  readonly #clock: Clock;
  readonly #audit: AuditRecorder;

  constructor(redis: Redis, clock: Clock) {
    this.#redis = redis;
    this.#clock = clock;
    this.#audit = new AuditRecorder(clock);
  }

  /** Cancels a run that waits or is paused; has one that runs stop at its next step. Throws `conflict` for one that has ended. */
  async cancel(runId: string, { actor, reason }: Ask): Promise<void> {
    const message = `cancelled by ${actor}${reason === undefined ? '' : `: ${reason}`}`;
    const error = { code: 'run-stopped', message, hint: 'Go on with `remora runs resume`.' };
    const record = await this.#find(runId);
    const asked = { ...entryOf(record, actor, 'run.cancel'), ...(reason === undefined ? {} : { detail: reason }) };
    const ended = { ...entryOf(record, actor, 'run.end'), outcome: 'cancelled', detail: error.code };
    const told = [this.#event(runId, 'cancelled', message), this.#event(runId, 'running', `to be ${message}`)];
    const args = [runId, JSON.stringify(error), this.#clock().toISOString(), ...told, channels.runEvents];
    const script = { lua: CANCEL, keys: [keys.run(runId), keys.waiting], args };
    const status = await this.#audit.once(this.#redis, script, [asked, ended]);
    if (status === '') throw unknown(runId);
    if (!['waiting', 'paused', 'running', 'cancelled'].includes(status)) throw conflict(runId, 'cancelled', status);
  }

  /**
   * Has a run that failed or was cancelled go on from the first step that is not done. What failed is tried again, unless `leavesFailed`: then it stays so, as
   * in a run that goes on by itself. Throws `conflict` for any other.
   */
  async resume(
    runId: string,
    { actor, notAfter, request = randomUUID() }: Ask & Pick<ChangeOptions, 'notAfter'>,
    { leavesFailed }: { readonly leavesFailed: boolean } = { leavesFailed: false },
  ): Promise<void> {
    const record = await this.#find(runId);
    const { status, version, head } = record;
    const isSeen = (await this.#redis.hget(keys.run(runId), 'asked')) === request;
    if (!isSeen && status !== 'failed' && status !== 'cancelled') throw conflict(runId, 'resumed', status);
    if ((await this.#redis.exists(keys.runPlan(runId))) === 0) throw tooOld(record);
    const gone = ['finishedAt', 'error', 'stop', 'restore:rollback', 'rollback'].map((field) => [field, false]);
    // All that was accepted stays accepted; the window in which it was to end is another one.
    const { notAfter: _, ...options } = head.options ?? {};
    const renewed = JSON.stringify({
      ...head,
      options: { ...options, ...(notAfter === undefined ? {} : { notAfter }) },
    });
    const patch = JSON.stringify([...gone, ['head', renewed], ...(leavesFailed ? [] : withoutFailures(record))]);
    const event = this.#event(runId, 'waiting', `resumed by ${actor}`);
    // One that has begun nothing is planned again before its first step: nobody can have overtaken it.
    const clusters = JSON.stringify(hasBegun(record) ? head.clusters : []);
    const script = {
      ...{ lua: RESUME, keys: [keys.run(runId), keys.openRuns, keys.waiting, keys.meta, keys.lastHolders] },
      args: [runId, status, String(version), patch, event, channels.runEvents, request, clusters],
    };
    const resumed = await this.#audit.once(this.#redis, script, [entryOf(record, actor, 'run.resume')]);
    if (resumed === 'changed') throw conflict(runId, 'resumed', 'being changed by somebody else');
    if (resumed !== 'resumed') throw overtaken(record, resumed, 'be resumed');
  }

  /** Has a paused run go on. Throws `conflict` for any other. */
  async continue(runId: string, { actor, request = randomUUID() }: Ask): Promise<void> {
    const record = await this.#find(runId);
    const event = this.#event(runId, 'running', `continued by ${actor}`);
    const script = { lua: CONTINUE, keys: [keys.run(runId)], args: [runId, event, channels.runEvents, request] };
    const status = await this.#audit.once(this.#redis, script, [entryOf(record, actor, 'run.continue')]);
    if (status === '') throw unknown(runId);
    if (status !== 'paused') throw conflict(runId, 'continued', status);
  }

  async #find(runId: string): Promise<RunRecord> {
    const record = parseRunHash(await this.#redis.hgetall(keys.run(runId)));
    if (!record) throw unknown(runId);
    return record;
  }

  #event(runId: string, status: RunStatus, message: string): string {
    return runEvent(this.#clock().toISOString(), runId, status, message);
  }
}
