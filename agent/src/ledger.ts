import { createHmac, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isLedger, type KeystoreLedger, type Ledger } from './checks.ts';
import type { DataDirectory } from './data-directory.ts';
import { createMutex } from './mutex.ts';
import { isMissing, writePrivate } from './system/durable-file.ts';

/**
 * What this agent wrote, without the values: `ledger.json`.
 *
 * How the agent knows which keystore entries differ. One start of `elasticsearch-keystore` costs 1 to 2 s and there is no command that compares. So the
 * ledger holds for each entry that this agent wrote its reference and an HMAC-SHA256 of the value under a key that never leaves this directory, and
 * beside them the digest and the names of the whole keystore file after that write. While the file's digest is that one, nobody else wrote, and the
 * ledger is the truth: no tool is started. When it is another, names are listed again and each of our entries is read back with `show` and compared;
 * one that somebody else overwrote is forgotten (it is not ours any more), and the ledger takes the new digest.
 */
export interface LedgerFile {
  keystore(): KeystoreLedger;
  saveKeystore(ledger: KeystoreLedger): Promise<void>;
  /** The source that was recorded for exactly these bytes at this path. */
  sourceOf(realPath: string, digest: string): string | null;
  /** Records sources; null forgets a path. */
  saveSources(sources: readonly { path: string; digest: string; source: string | null }[]): Promise<void>;
  hmac(name: string, value: string): string;
  /** Forgets what was written at or after this moment, in ms since 1970: it is then written once more. */
  forgetSince(ms: number): Promise<void>;
}

const EMPTY: Ledger = { keystore: { digest: null, names: [], entries: {} }, files: {} };

const readIfThere = async (path: string): Promise<Buffer | null> => {
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
};

const openKey = async (path: string): Promise<Buffer> => {
  const existing = await readIfThere(path);
  if (existing) return existing;
  const key = randomBytes(32);
  await writePrivate(path, key);
  return key;
};

/** A ledger that cannot be read is started anew: nothing is lost but the knowledge of what is ours, and entries are then written once more. */
const parseLedger = (bytes: Buffer | null): Ledger => {
  try {
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    return isLedger(value) ? value : EMPTY;
  } catch {
    return EMPTY;
  }
};

const keptOf = <T>(records: Readonly<Record<string, T>>, isKept: (record: T) => boolean): Record<string, T> =>
  Object.fromEntries(Object.entries(records).filter(([, record]) => isKept(record)));

export const openLedger = async (directory: DataDirectory): Promise<LedgerFile> => {
  const key = await openKey(directory.ledgerKey);
  let current = parseLedger(await readIfThere(directory.ledger));
  const oneAtATime = createMutex();
  /** Each save changes what the one before it left. */
  const save = (change: (ledger: Ledger) => Ledger): Promise<void> =>
    oneAtATime(async () => {
      const next = change(current);
      await writePrivate(directory.ledger, `${JSON.stringify(next, null, 2)}\n`);
      current = next;
    });
  return {
    keystore: () => current.keystore,
    saveKeystore: (keystore) => save((ledger) => ({ ...ledger, keystore })),
    sourceOf(realPath, digest) {
      const record = current.files[realPath];
      return record?.digest === digest ? record.source : null;
    },
    saveSources: (sources) =>
      save((ledger) => {
        const files = { ...ledger.files };
        for (const { path, digest, source } of sources) {
          if (source === null) delete files[path];
          else files[path] = { digest, source, placedAtMs: Date.now() };
        }
        return { ...ledger, files };
      }),
    forgetSince: (ms) =>
      save(({ keystore, files }) => ({
        keystore: { ...keystore, entries: keptOf(keystore.entries, ({ writtenAtMs }) => writtenAtMs < ms) },
        files: keptOf(files, ({ placedAtMs }) => placedAtMs !== undefined && placedAtMs < ms),
      })),
    hmac: (name, value) => createHmac('sha256', key).update(`${name}\n${value}`).digest('hex'),
  };
};
