import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { keys } from '../store/keys.ts';
import { type AuditDraft, type ChainHead, canonicalJson, chain, EMPTY_CHAIN } from './chain.ts';

/** KEYS that a recording script has last. */
export const auditKeys = [keys.audit, keys.auditHead] as const;

/** ARGV that a recording script has last. */
export type ChainedArguments = readonly [expectedHash: string, entries: string];

/** Each try that fails means that somebody else's entry was appended, so this many in a row are never seen; a loop without an end is worse. */
const MOST_TRIES = 1000;
/** From then on the tries of those who write at once are spread. */
const TRIES_AT_ONCE = 5;

const headIn = (answer: unknown): ChainHead | null =>
  Array.isArray(answer) && answer[0] === 'moved' ? { seq: Number(answer[1]), hash: String(answer[2]) } : null;

/** A change that is asked for once: a script made by \`once\`, its own keys and arguments. */
export interface OnceScript {
  readonly lua: string;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/**
 * Chains entries to the newest one and has a script append them with the change that they are about. The newest one is guessed: it is what this recorder saw
 * last. When another writer was faster, the script changes nothing and tells, and the entries are chained anew.
 */
export class AuditRecorder {
  readonly #clock: Clock;
  #seen: ChainHead = EMPTY_CHAIN;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `send` sends the script with these arguments at its end, and may be called again; the answer is the script's. Without drafts nothing is recorded. */
  async record(drafts: readonly AuditDraft[], send: (chained: ChainedArguments) => Promise<unknown>): Promise<unknown> {
    if (drafts.length === 0) return send(['', '[]']);
    const at = this.#clock().toISOString();
    let head = this.#seen;
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      const entries = chain(head, drafts, at);
      const texts = entries.map((entry) => [String(entry.seq), entry.hash, canonicalJson(entry)]);
      const answer = await send([head.hash, JSON.stringify(texts)]);
      const moved = headIn(answer);
      this.#seen = moved ?? entries.at(-1) ?? head;
      if (!moved) return answer;
      head = moved;
      if (tries > TRIES_AT_ONCE) await sleep(Math.random() * tries);
    }
    throw new RemoraError('store-unavailable', 'The audit log moved on at every try to write to it.');
  }

  /** Makes a change that is asked for once, and records it. */
  async once(redis: Redis, script: OnceScript, drafts: readonly AuditDraft[]): Promise<string> {
    const { lua, args } = script;
    const all = [...script.keys, keys.auditRequest(randomUUID()), ...auditKeys];
    return String(await this.record(drafts, (chained) => redis.eval(lua, all.length, ...all, ...args, ...chained)));
  }
}
