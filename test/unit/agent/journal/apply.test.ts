import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { applyFiles } from '../../../../agent/src/journal/apply.ts';
import type { TransactionRecord } from '../../../../agent/src/journal/record.ts';

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

const make = (root: string, ...paths: string[]): Promise<void> => {
  const directories = paths.map((path) => ({ path: join(root, path), uid, gid }));
  const record: TransactionRecord = {
    ...{ version: 1, id: 'r/s/1', startedAtMs: 1, operations: ['files'], phase: 'committed', files: [], sources: [] },
    ...{ settingsPath: '', settings: [], keystore: null, restart: null, undo: null, results: [], acknowledged: false },
    ...{ directories, result: null },
  };
  return applyFiles(root, record, () => undefined);
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
