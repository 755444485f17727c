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
}

const dropForeign = async (
  tool: KeystoreTool,
  ledger: LedgerFile,
  names: readonly string[],
  password: string | undefined,
): Promise<Record<string, EntryRecord>> => {
  const kept: Record<string, EntryRecord> = {};
  for (const [name, record] of Object.entries(ledger.keystore().entries)) {
    if (!names.includes(name)) continue;
    const value = await tool.show(name, password);
    if (value !== null && ledger.hmac(name, value) === record.hmac) kept[name] = record;
  }
  return kept;
};

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
  return {
    path,
    tool,
    exclusive: createMutex(),
    digest: () => digestOfFile(path),
    passwordProtected,
    async look(password) {
      const digest = await digestOfFile(path);
      if (digest === null) return { digest: null, names: [], entries: {} };
      const known = ledger.keystore();
      if (known.digest === digest) return known;
      const isProtected = await passwordProtected();
      if (isProtected && password === undefined) {
        throw new RemoraError(
          'keystore-password',
          `The keystore ${path} of ${config.name} is protected and no password was given.`,
        );
      }
      const given = isProtected ? password : undefined;
      const names = await tool.list(given);
      const looked = { digest, names, entries: await dropForeign(tool, ledger, names, given) };
      await ledger.saveKeystore(looked);
      return looked;
    },
  };
};
