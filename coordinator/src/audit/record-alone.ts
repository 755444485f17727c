import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { once } from './audit-lua.ts';
import type { AuditDraft } from './chain.ts';
import { AuditRecorder } from './recorder.ts';

/** Records what is done elsewhere than in the store, before it is handed out. */
export type RecordAlone = (drafts: readonly AuditDraft[]) => Promise<void>;

export const recordAlone = (redis: Redis, clock: Clock): RecordAlone => {
  const recorder = new AuditRecorder(clock);
  return async (drafts) => {
    await recorder.once(redis, { lua: once(`record(${drafts.length}) return 1`), keys: [], args: [] }, drafts);
  };
};
