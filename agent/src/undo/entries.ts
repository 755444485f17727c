import { readFile } from 'node:fs/promises';
import type { KeystoreLedger } from '../checks.ts';
import { type KeystoreChange, keystoreBeforePath } from '../journal/record.ts';
import { keystoreEntries } from '../keystore/entries.ts';
import type { PastDelivery } from './deliveries.ts';
import type { Standing } from './files.ts';

/** One keystore entry that deliveries wrote or removed. */
export interface PastEntry {
  readonly name: string;
  readonly standing: Standing;
  readonly existed: boolean;
  /** What stood there before; null where there was none, and where it is lost. */
  readonly value: string | null;
  /** Its reference, when it was ours. */
  readonly reference: string | null;
}

/** The keystore as it stands. */
export interface KeystoreNow {
  readonly bytes: Buffer | null;
  readonly looked: KeystoreLedger;
  readonly password: string | undefined;
}

/** What one delivery did to one entry. */
interface Change {
  readonly folder: string;
  /** Reference of what it wrote; undefined when it removed the entry. */
  readonly wrote: string | null | undefined;
  readonly existed: boolean;
  readonly reference: string | null;
}

const changesIn = ({ set, remove, ledgerBefore }: KeystoreChange, folder: string): [string, Change][] => {
  const before = (name: string) => ({
    folder,
    existed: ledgerBefore.names.includes(name),
    reference: ledgerBefore.entries[name]?.reference ?? null,
  });
  return [
    ...set.map(({ name, reference }): [string, Change] => [name, { ...before(name), wrote: reference }]),
    ...remove.map((name): [string, Change] => [name, { ...before(name), wrote: undefined }]),
  ];
};

const changesOf = (past: readonly PastDelivery[]): Map<string, Change[]> => {
  const entries = new Map<string, Change[]>();
  for (const { folder, record } of past) {
    if (record.keystore === null) continue;
    for (const [name, change] of changesIn(record.keystore, folder)) {
      entries.set(name, [...(entries.get(name) ?? []), change]);
    }
  }
  return entries;
};

/** A value that the tool takes on its stdin, and only such: others were put there as files. */
const asText = (bytes: Buffer | undefined): string | null => {
  const text = bytes?.toString('utf8') ?? '\n';
  return /[\r\n]/.test(text) || !Buffer.from(text, 'utf8').equals(bytes ?? Buffer.alloc(0)) ? null : text;
};

type Values = ReadonlyMap<string, Buffer>;

const read = (bytes: Buffer | null, password: string | undefined): Values => {
  try {
    return bytes === null ? new Map() : keystoreEntries(bytes, password);
  } catch {
    // Under another password by now, or of a version that is not known: its values are lost, its names are in the ledger.
    return new Map();
  }
};

const backupOf = (folder: string): Promise<Buffer | null> => readFile(keystoreBeforePath(folder)).catch(() => null);

/** Values of the keystore as it stands and of its backups. Opening one derives its key anew: it is done once a file, not once an entry. */
const valuesOf = ({ bytes, password }: KeystoreNow) => {
  let now: Values | undefined;
  const backups = new Map<string, Promise<Values>>();
  return {
    now(): Values {
      now ??= read(bytes, password);
      return now;
    },
    before(folder: string): Promise<Values> {
      const values = backups.get(folder) ?? backupOf(folder).then((backup) => read(backup, password));
      backups.set(folder, values);
      return values;
    },
  };
};

const lookAt = async (
  name: string,
  changes: readonly Change[],
  now: KeystoreNow,
  values: ReturnType<typeof valuesOf>,
): Promise<PastEntry> => {
  const stands = now.looked.names.includes(name);
  const ours = now.looked.entries[name]?.reference;
  const isAfter = ({ wrote }: Change): boolean =>
    wrote === undefined ? !stands : stands && (wrote === null ? ours === undefined : wrote === ours);
  const from = changes.findIndex(isAfter);
  // A delivery that was taken back before this one was: older ones are looked at only where they left off.
  const chain = from === -1 ? [] : changes.slice(from);
  const end = chain.findIndex(
    ({ reference }, i) => i + 1 < chain.length && reference !== (chain[i + 1]?.wrote ?? null),
  );
  const last = chain[end === -1 ? chain.length - 1 : end];
  const oldest = last ?? changes.at(-1);
  if (!oldest) return { name, standing: 'back', existed: stands, value: null, reference: null };
  const { existed, reference } = oldest;
  const was = existed ? (await values.before(oldest.folder)).get(name) : undefined;
  const value = asText(was);
  // By its bytes: one that was put there as a file, and is no text, may stand as it stood too.
  const isBack = existed ? stands && was !== undefined && values.now().get(name)?.equals(was) === true : !stands;
  const nothing = { name, existed, value: null, reference: null };
  if (isBack) return { ...nothing, standing: 'back' };
  if (!last) return { ...nothing, standing: 'foreign' };
  if (existed && value === null) return { ...nothing, standing: 'lost' };
  return { name, existed, value, reference, standing: 'ours' };
};

/** How the entries of these deliveries stand, each by itself: what others wrote into the keystore since is not looked at. */
export const pastEntries = (past: readonly PastDelivery[], now: KeystoreNow): Promise<PastEntry[]> => {
  const values = valuesOf(now);
  return Promise.all([...changesOf(past)].map(([name, changes]) => lookAt(name, changes, now, values)));
};
