import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { AuditLog } from '../../../coordinator/src/audit/audit-log.ts';
import { once } from '../../../coordinator/src/audit/audit-lua.ts';
import type { AuditRecorder } from '../../../coordinator/src/audit/recorder.ts';
import type { Bench } from './bench.ts';

export const clock = () => new Date();
export const logOf = ({ redis }: Bench): AuditLog => new AuditLog(redis.redis);

/** The log, oldest first, in short. */
export const told = async (bench: Bench): Promise<string[]> =>
  (await logOf(bench).list({ limit: 1000 }))
    .reverse()
    .map(({ actor, action, target, outcome }) => [actor, action, target, outcome ?? '-'].join(' '));

export const expectToHold = async (bench: Bench, entries?: number): Promise<void> => {
  const verdict = await logOf(bench).verify();
  expect(verdict).toMatchObject({ ok: true, problem: null, ...(entries === undefined ? {} : { entries }) });
};

/** A script that changes nothing but the log. */
const NOTE = once("record(1000)\nreturn 'noted'");
/** Has entries appended in one step. */
export const noteAll = (redis: Redis, recorder: AuditRecorder, names: readonly string[]): Promise<string> =>
  recorder.once(
    redis,
    { lua: NOTE, keys: [], args: [] },
    names.map((target) => ({ actor: 'anna', action: 'note', target })),
  );
