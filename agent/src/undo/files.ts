import { readFile } from 'node:fs/promises';
import { beforePath } from '../journal/record.ts';
import { digestOf, type FileState, isMissing, readWithState } from '../system/durable-file.ts';
import type { PastDelivery } from './deliveries.ts';
import { type Pair, pairsIn } from './pairs.ts';

export type Standing = 'ours' | 'back' | 'foreign' | 'lost';

/** One file that deliveries changed: what stands there now, and what stood there before the oldest of them. */
export interface PastFile {
  readonly path: string;
  readonly label: string;
  readonly standing: Standing;
  readonly now: { readonly bytes: Buffer; readonly state: FileState } | null;
  readonly before: FileState | null;
  /** null where there was none, and where they are lost. */
  readonly bytes: Buffer | null;
  readonly source: string | null;
}

/** One change of the file, where its bytes before it lie. */
interface Change {
  readonly at: string;
  readonly before: FileState | null;
  readonly after: FileState | null;
  readonly source: string | null;
}

const changesOf = (past: readonly PastDelivery[]): Map<string, { label: string; changes: Change[] }> => {
  const files = new Map<string, { label: string; changes: Change[] }>();
  for (const { folder, record } of past) {
    for (const [index, { path, label, before, after, sourceBefore }] of record.files.entries()) {
      const file = files.get(path) ?? { label, changes: [] };
      file.changes.push({ at: beforePath(folder, index), before, after, source: sourceBefore ?? null });
      files.set(path, file);
    }
  }
  return files;
};

/** The bytes as they were, when the backup is kept and whole. */
const bytesAt = async ({ at, before }: Change): Promise<Buffer | null> => {
  try {
    const bytes = await readFile(at);
    return digestOf(bytes) === before?.digest ? bytes : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
};

const lookAt = async (path: string, label: string, changes: readonly Change[]): Promise<PastFile> => {
  const now = await readWithState(path);
  let digest = now?.state.digest ?? null;
  let last: Change | null = null;
  const nothing = { path, label, now, before: null, bytes: null, source: null };
  if (digest === (changes.at(-1)?.before?.digest ?? null)) return { ...nothing, standing: 'back' };
  for (const change of changes) {
    const [was, is] = [change.before?.digest ?? null, change.after?.digest ?? null];
    if (digest === is) last = change;
    else if (digest !== was) return { ...nothing, standing: 'foreign' };
    digest = was;
  }
  if (last === null) return { ...nothing, standing: 'foreign' };
  const { before, source } = last;
  const bytes = before && (await bytesAt(last));
  return { ...nothing, standing: before && bytes === null ? 'lost' : 'ours', before, bytes, source };
};

/** A key and its certificate: where one is somebody else's by now, the other would be of no use with it. */
const withPairs = (files: readonly PastFile[], pairs: readonly Pair[]): PastFile[] => {
  const foreign = new Set(files.filter(({ standing }) => standing === 'foreign').map(({ path }) => path));
  const left = new Set(pairs.filter((pair) => pair.some((path) => foreign.has(path))).flat());
  return files.map((file) =>
    left.has(file.path) && file.standing !== 'back' ? { ...file, standing: 'foreign' as const } : file,
  );
};

/**
 * How the files of these deliveries stand: each is walked back from the newest delivery to the oldest, and a PEM pair as one. Also elasticsearch.yml, as a
 * whole.
 */
export const pastFiles = async (past: readonly PastDelivery[]): Promise<PastFile[]> => {
  const looks = [...changesOf(past)].map(([path, { label, changes }]) => lookAt(path, label, changes));
  return withPairs(
    await Promise.all(looks),
    past.flatMap(({ record }) => pairsIn(record)),
  );
};
