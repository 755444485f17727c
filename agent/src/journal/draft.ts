import type { KeystoreLedger } from '../checks.ts';
import type { FileState } from '../system/durable-file.ts';
import type { FileChange, Restart, SettingChange, TransactionRecord } from './record.ts';

/** A transaction as the change operations plan it: everything is checked, nothing is written. Secret values live here, in memory, and nowhere else. */
export interface Draft {
  readonly files: (FileChange & { readonly beforeBytes: Buffer | null; readonly afterBytes: Buffer | null })[];
  readonly directories: TransactionRecord['directories'][number][];
  readonly sources: TransactionRecord['sources'][number][];
  readonly settings: SettingChange[];
  keystore: KeystoreDraft | null;
  restart: Restart | null;
}

/** What is left to do after what is in place already was taken out. */
export interface KeystoreDraft {
  /** The keystore that all of this was planned for; null when there is none. */
  readonly before: { readonly bytes: Buffer; readonly state: FileState } | null;
  /** What was found in it. */
  readonly looked: KeystoreLedger;
  /** Without a reference: the value is put back, and is not ours. */
  readonly set: readonly { readonly name: string; readonly value: string; readonly reference: string | null }[];
  readonly remove: readonly string[];
  readonly password: string | undefined;
  /** References that changed while the value did not: noted in the ledger, not written. */
  readonly renamed: readonly { readonly name: string; readonly reference: string }[];
}

export const emptyDraft = (): Draft => ({
  files: [],
  directories: [],
  sources: [],
  settings: [],
  keystore: null,
  restart: null,
});

/** Whether anything of the node's disk is changed. */
export const changesDisk = (draft: Draft): boolean =>
  draft.files.length > 0 || (draft.keystore !== null && draft.keystore.set.length + draft.keystore.remove.length > 0);
