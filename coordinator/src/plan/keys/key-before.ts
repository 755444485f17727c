import type { Access } from '../connection/connection-records.ts';

/** An entry of a deployment's keystore as it was before a run changed it: its value tells nobody, and its reference only what Remora wrote. */
export interface KeyEntryBefore {
  readonly isThere: boolean;
  readonly reference: string | null;
}

/** A key as it was before a run changed it. */
export interface KeyBefore {
  readonly access: Access;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** ms since 1970; null for no end. */
  readonly expiresAtMs: number | null;
  /** Its configHash on record; null when the key was not on record. */
  readonly configHash: string | null;
}
