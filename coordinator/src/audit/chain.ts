import { createHash } from 'node:crypto';
import type { AuditEntry } from '@remora/shared/model/audit.ts';

/** What happens, as whoever does it tells it; the rest of an entry follows from its place in the chain. */
export interface AuditDraft {
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly runId?: string;
  readonly planId?: string;
  readonly stepId?: string;
  readonly outcome?: string;
  readonly detail?: string;
}

/** The newest entry, as far as it matters for the next one. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** What the first entry follows. */
export const EMPTY_CHAIN: ChainHead = { seq: 0, hash: '0'.repeat(64) };

/** JSON with its keys in order and no blanks, so that the same entry is the same text everywhere. Entries have no objects within. */
export const canonicalJson = (entry: object): string => JSON.stringify(entry, Object.keys(entry).sort());

/** SHA-256 (hex) over the hash before, a line break, and all other fields of the entry as canonical JSON. */
const hashOf = ({ prev, hash: _, ...rest }: Omit<AuditEntry, 'hash'> & { readonly hash?: string }): string =>
  createHash('sha256')
    .update(`${prev}\n${canonicalJson(rest)}`)
    .digest('hex');

/** The entries that follow a head, in order. */
export const chain = (head: ChainHead, drafts: readonly AuditDraft[], at: string): AuditEntry[] => {
  let { seq, hash: prev } = head;
  return drafts.map(({ actor, action, target, runId, planId, stepId, outcome, detail }) => {
    seq += 1;
    const named = { runId: runId ?? null, planId: planId ?? null, stepId: stepId ?? null };
    const said = { outcome: outcome ?? null, detail: detail ?? null };
    const entry = { seq, at, actor, action, target, ...named, ...said, prev };
    const hash = hashOf(entry);
    prev = hash;
    return { ...entry, hash };
  });
};

/** Reads an entry as it is kept; null for anything that was not written as an entry is, its hash included. */
export const readEntry = (text: string): AuditEntry | null => {
  try {
    const entry = JSON.parse(text) as AuditEntry;
    return canonicalJson(entry) === text && hashOf(entry) === entry.hash ? entry : null;
  } catch {
    return null;
  }
};

/** Why an entry does not follow the one before; null when it does. */
export const breakBetween = (before: ChainHead, entry: AuditEntry): string | null => {
  const next = before.seq + 1;
  if (entry.seq > next) {
    const missing = entry.seq - 1 === next ? `entry ${next} is` : `entries ${next} to ${entry.seq - 1} are`;
    return `${missing} missing: ${entry.seq} comes right after ${before.seq}`;
  }
  if (entry.seq < next) return `entry ${entry.seq} comes after ${before.seq}`;
  return entry.prev === before.hash
    ? null
    : `entry ${entry.seq} was made to follow another one than entry ${before.seq}`;
};
