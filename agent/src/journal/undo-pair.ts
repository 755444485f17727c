import { readFile } from 'node:fs/promises';
import { digestOfFile, replaceTogether } from '../system/durable-file.ts';
import { beforePath, type FileChange } from './record.ts';

/** A change with its number in the record. */
export type Numbered = readonly [number, FileChange];

/**
 * Puts a key and its certificate back together, while both still are what the transaction made of them or what stood there before: each is written whole beside its place before
 * the first is renamed, the key first. Where somebody else changed one of them both stay. Answers what could not be put back, a sentence each; repeating it is a no-op.
 */
export const undoPair = async (folder: string, pair: readonly [Numbered, Numbered]): Promise<string[]> => {
  const due: Numbered[] = [];
  const foreign: FileChange[] = [];
  for (const [index, change] of pair) {
    const now = await digestOfFile(change.path);
    if (now === (change.before?.digest ?? null)) continue;
    if (now === (change.after?.digest ?? null)) due.push([index, change]);
    else foreign.push(change);
  }
  if (foreign.length > 0)
    return [
      ...foreign.map(({ label }) => `${label} was changed by somebody else meanwhile`),
      ...due.map(([, { label }]) => `${label}, which belongs to ${foreign[0]?.label}, stays as it is`),
    ];
  await replaceTogether(async (put) => {
    for (const [index, { path, before }] of due)
      await put(path, before && { bytes: await readFile(beforePath(folder, index)), wanted: before });
  });
  return [];
};
