import { existsSync, readdirSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { applyFiles } from '../../../../agent/src/journal/apply.ts';
import { afterPath, type TransactionRecord } from '../../../../agent/src/journal/record.ts';
import { digestOf } from '../../../../agent/src/system/durable-file.ts';

const [uid, gid] = process.getuid?.() === 0 ? [12, 34] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0];

const place = async (): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), 'remora-apply-'));
  const umask = process.umask(0o077);
  onTestFinished(async () => {
    process.umask(umask);
    await rm(root, { recursive: true });
  });
  return root;
};

const recordOf = (more: Partial<TransactionRecord>): TransactionRecord => ({
  ...{ version: 1, id: 'r/s/1', startedAtMs: 1, operations: ['files'], phase: 'committed', files: [], sources: [] },
  ...{ settingsPath: '', settings: [], keystore: null, restart: null, undo: null, results: [], acknowledged: false },
  ...{ directories: [], result: null },
  ...more,
});

const make = (root: string, ...paths: string[]): Promise<void> => {
  const directories = paths.map((path) => ({ path: join(root, path), uid, gid }));
  return applyFiles(root, recordOf({ directories }), () => undefined);
};

const attributes = (path: string): number[] => {
  const found = statSync(path);
  return [found.uid, found.gid, found.mode & 0o7777];
};

test('a new directory can be entered by the node, whatever the umask of the agent is', async () => {
  const root = await place();
  await make(root, 'certs', 'certs/remote');
  expect(attributes(join(root, 'certs'))).toEqual([uid, gid, 0o750]);
  expect(attributes(join(root, 'certs/remote'))).toEqual([uid, gid, 0o750]);
  expect(await readdir(root)).toEqual(['certs']);
});

test('it keeps the setgid bit that it has from its parent', async () => {
  const root = await place();
  await chmod(root, 0o2750);
  await make(root, 'certs');
  expect(attributes(join(root, 'certs'))).toEqual([uid, gid, 0o2750]);
});

test('one that was half made when the agent died is made anew; one of somebody else stays as it is', async () => {
  const root = await place();
  await mkdir(join(root, '.certs.remora-tmp'), { mode: 0o700 });
  await mkdir(join(root, 'theirs'), { mode: 0o700 });
  await writeFile(join(root, 'theirs/file'), '');
  const theirs = attributes(join(root, 'theirs'));
  await make(root, 'certs', 'theirs');
  expect(attributes(join(root, 'certs'))).toEqual([uid, gid, 0o750]);
  expect(attributes(join(root, 'theirs'))).toEqual(theirs);
  expect(existsSync(join(root, '.certs.remora-tmp'))).toBe(false);
});

/** A transaction that replaces these files, all of which say `old`, by ones that say `new`. */
const replacing = async (root: string, ...names: string[]): Promise<TransactionRecord> => {
  await mkdir(join(root, 'after'));
  const files = names.map(async (name, index) => {
    const path = join(root, name);
    await Promise.all([writeFile(path, 'old'), writeFile(afterPath(root, index), 'new')]);
    const state = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 };
    const [before, after] = ['old', 'new'].map((text) => ({ ...state, digest: digestOf(text) }));
    return { path, label: name, before: before ?? null, after: after ?? null };
  });
  return recordOf({ files: await Promise.all(files) });
};

const read = (root: string, ...names: string[]): Promise<string[]> =>
  Promise.all(names.map((name) => readFile(join(root, name), 'utf8')));

test('files that belong together are all whole beside their places before the first is put there', async () => {
  const root = await place();
  const record = await replacing(root, 'a.key', 'a.crt');
  const seen: string[][] = [];
  await applyFiles(root, record, () =>
    seen.push(
      readdirSync(root)
        .filter((name) => name !== 'after')
        .sort(),
    ),
  );
  expect(seen).toEqual([
    ['a.crt', 'a.key'],
    ['.a.key.remora-tmp', 'a.crt', 'a.key'],
  ]);
  expect(await read(root, 'a.key', 'a.crt')).toEqual(['new', 'new']);
  expect((await readdir(root)).sort()).toEqual(['a.crt', 'a.key', 'after']);
  await applyFiles(root, record, () => undefined);
  expect(await read(root, 'a.key', 'a.crt')).toEqual(['new', 'new']);
});

test('where one of them cannot be written, none is replaced, and nothing stays beside them', async () => {
  const root = await place();
  const record = await replacing(root, 'a.key', 'a.crt');
  await rm(afterPath(root, 1));
  await expect(applyFiles(root, record, () => undefined)).rejects.toThrow('ENOENT');
  expect(await read(root, 'a.key', 'a.crt')).toEqual(['old', 'old']);
  expect((await readdir(root)).sort()).toEqual(['a.crt', 'a.key', 'after']);
});

test('where somebody else changed one of them, the others stay too', async () => {
  const root = await place();
  const record = await replacing(root, 'a.key', 'a.crt');
  await writeFile(join(root, 'a.crt'), 'theirs');
  await expect(applyFiles(root, record, () => undefined)).rejects.toThrow('a.crt was changed by somebody else');
  expect(await read(root, 'a.key', 'a.crt')).toEqual(['old', 'theirs']);
});

test('one that a crash left half goes on with what is missing', async () => {
  const root = await place();
  const record = await replacing(root, 'a.key', 'a.crt');
  await writeFile(join(root, 'a.key'), 'new');
  await applyFiles(root, record, () => undefined);
  expect(await read(root, 'a.key', 'a.crt')).toEqual(['new', 'new']);
});
