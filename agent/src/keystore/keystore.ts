import { join } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import type { AgentConfig, EntryRecord, KeystoreLedger } from '../checks.ts';
import type { LedgerFile } from '../ledger.ts';
import { createMutex, type Mutex } from '../mutex.ts';
import { digestOfFile } from '../system/durable-file.ts';
import { readPasswordProtected } from './header.ts';
import { KEYSTORE, type KeystoreTool, keystoreTool } from './tool.ts';

/** The node's keystore as a whole. `exclusive` is held around everything that reads or writes it: the tool has one temporary file and one writer. */
export interface Keystore {
  readonly path: string;
  readonly tool: KeystoreTool;
  readonly exclusive: Mutex;
  /** Digest of the file; null when there is none. */
  digest(): Promise<string | null>;
  passwordProtected(): Promise<boolean>;
  /** Names of the entries and which of them are ours, true for the present digest. Call inside `exclusive`. */
  look(password: string | undefined): Promise<KeystoreLedger>;
  /** Names of the entries as the tool lists them, and which of these stand there with the value that is on record. Call inside `exclusive`. */
  compare(entries: Entries, password: string | undefined): Promise<KeystoreLedger>;
}

type Entries = KeystoreLedger['entries'];

export const openKeystore = (config: AgentConfig, ledger: LedgerFile): Keystore => {
  const path = join(config.elasticsearch.configDir, KEYSTORE);
  const tool = keystoreTool(config);
  const passwordProtected = async (): Promise<boolean> => {
    const flag = await readPasswordProtected(path);
    if (flag === null) {
      throw new RemoraError('node-read-only', `${path} is not an Elasticsearch keystore, or is damaged.`, {
        hint: 'Mend or remove it; Elasticsearch itself would not start with it.',
      });
    }
    return flag;
  };
  const dropForeign = async (entries: Entries, names: readonly string[], password: string | undefined) => {
    const kept: Record<string, EntryRecord> = {};
    for (const [name, record] of Object.entries(entries)) {
      if (!names.includes(name)) continue;
      const value = await tool.show(name, password);
      if (value !== null && ledger.hmac(name, value) === record.hmac) kept[name] = record;
    }
    return kept;
  };
  const compare: Keystore['compare'] = async (entries, password) => {
    const digest = await digestOfFile(path);
    if (digest === null) return { digest: null, names: [], entries: {} };
    const isProtected = await passwordProtected();
    if (isProtected && password === undefined) {
      throw new RemoraError(
        'keystore-password',
        `The keystore ${path} of ${config.name} is protected and no password was given.`,
      );
    }
    const given = isProtected ? password : undefined;
    const names = await tool.list(given);
    return { digest, names, entries: await dropForeign(entries, names, given) };
  };
  return {
    path,
    tool,
    exclusive: createMutex(),
    digest: () => digestOfFile(path),
    passwordProtected,
    compare,
    async look(password) {
      const known = ledger.keystore();
      if (known.digest !== null && known.digest === (await digestOfFile(path))) return known;
      const looked = await compare(known.entries, password);
      if (looked.digest !== null) await ledger.saveKeystore(looked);
      return looked;
    },
  };
};
