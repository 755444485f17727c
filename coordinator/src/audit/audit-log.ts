import { AuditEntry, type AuditVerdict } from '@remora/shared/model/audit.ts';
import type { Redis } from 'ioredis';
import { Value } from 'typebox/value';
import { keys } from '../store/keys.ts';
import { KEPT_ENTRIES } from './audit-lua.ts';
import { breakBetween, type ChainHead, EMPTY_CHAIN, readEntry } from './chain.ts';

/** Entries that are read at once: about half a megabyte. */
const CHUNK = 1000;

type Kept = readonly [id: string, fields: readonly string[]];

export interface AuditPage {
  readonly limit: number;
  /** Only entries whose `seq` is lower. */
  readonly before?: number;
}

const textOf = ([, [field, text, ...more]]: Kept): string =>
  field === 'entry' && text !== undefined && more.length === 0 ? text : '';

/** A first entry that is not the first of all has to be one that the retention allows to be the oldest. */
const breakBefore = (first: AuditEntry, head: ChainHead): string | null => {
  if (first.seq === 1) return breakBetween(EMPTY_CHAIN, first);
  const oldest = head.seq - KEPT_ENTRIES + 1;
  if (first.seq <= oldest) return null;
  return `the log begins with entry ${first.seq}, and those from ${Math.max(1, oldest)} on are kept`;
};

/** Looks at entries one after the other, from the oldest, and stops at the first that does not fit. */
class Verification {
  #first: AuditEntry | null = null;
  #last: AuditEntry | null = null;
  #entries = 0;
  #problem: AuditVerdict['problem'] = null;
  readonly #head: ChainHead;

  constructor(head: ChainHead) {
    this.#head = head;
  }

  /** Whether to go on. */
  look(kept: Kept): boolean {
    const entry = readEntry(textOf(kept));
    const expected = this.#last === null ? Number.parseInt(kept[0], 10) : this.#last.seq + 1;
    const fault = this.#faultOf(entry);
    if (fault !== null || entry === null) {
      const message = fault ?? `entry ${expected} is not as it was written: its hash is another one`;
      this.#problem = { seq: entry?.seq ?? expected, message };
      return false;
    }
    this.#first ??= entry;
    this.#last = entry;
    this.#entries += 1;
    return true;
  }

  verdict(): AuditVerdict {
    const problem = this.#problem ?? this.#faultAtEnd();
    const found = { first: this.#first?.seq ?? null, last: this.#last?.seq ?? null, hash: this.#last?.hash ?? null };
    return { ok: problem === null, entries: this.#entries, ...found, problem };
  }

  #faultOf(entry: AuditEntry | null): string | null {
    if (entry === null) return null;
    const fault = this.#last === null ? breakBefore(entry, this.#head) : breakBetween(this.#last, entry);
    if (fault !== null || entry.seq !== this.#head.seq || entry.hash === this.#head.hash) return fault;
    return `entry ${entry.seq} is not the one that was written last`;
  }

  /** Entries may have been added since the head was read, never taken away. */
  #faultAtEnd(): AuditVerdict['problem'] {
    const last = this.#last?.seq ?? 0;
    if (last >= this.#head.seq) return null;
    const { seq } = this.#head;
    return { seq: last + 1, message: `the log ends with entry ${last}, and ${seq} was written last` };
  }
}

/** The audit log as it is read. Nothing here writes. */
export class AuditLog {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Newest first. What is not an entry at all is left out; `verify` tells of it. */
  async list({ limit, before }: AuditPage): Promise<AuditEntry[]> {
    const from = before === undefined ? '+' : `(${before}-0`;
    const kept = await this.#redis.xrevrange(keys.audit, from, '-', 'COUNT', limit);
    return kept.flatMap((one) => parse(textOf(one)));
  }

  /** The entries as they are kept, JSON each, oldest first. */
  async *export(): AsyncGenerator<string> {
    for (let chunk = await this.#after(null); chunk.length > 0; chunk = await this.#after(chunk)) {
      for (const kept of chunk) yield textOf(kept);
    }
  }

  /** Checks every entry that is kept, each against its own hash and the one before. */
  async verify(): Promise<AuditVerdict> {
    const { head, oldest } = await this.#begin();
    const verification = new Verification(head);
    for (let chunk = oldest; chunk.length > 0; chunk = await this.#after(chunk)) {
      if (!chunk.every((kept) => verification.look(kept))) break;
    }
    return verification.verdict();
  }

  /** The head and the oldest entries in one moment: which of them may be the first follows from the head. */
  async #begin(): Promise<{ readonly head: ChainHead; readonly oldest: readonly Kept[] }> {
    const transaction = this.#redis.multi().hmget(keys.auditHead, 'seq', 'hash');
    const found = await transaction.xrange(keys.audit, '-', '+', 'COUNT', CHUNK).exec();
    const [[, head] = [], [failure, oldest] = []] = found ?? [];
    if (failure) throw failure;
    const [seq, hash] = (head ?? []) as (string | null)[];
    return { head: { seq: Number(seq ?? 0), hash: hash ?? EMPTY_CHAIN.hash }, oldest: (oldest ?? []) as Kept[] };
  }

  #after(chunk: readonly Kept[] | null): Promise<Kept[]> {
    const last = chunk?.at(-1)?.[0];
    return this.#redis.xrange(keys.audit, last === undefined ? '-' : `(${last}`, '+', 'COUNT', CHUNK);
  }
}

const parse = (text: string): AuditEntry[] => {
  try {
    const entry: unknown = JSON.parse(text);
    return Value.Check(AuditEntry, entry) ? [entry] : [];
  } catch {
    return [];
  }
};
