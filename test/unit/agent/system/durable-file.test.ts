import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryOf, writeDurably } from '../../../../agent/src/system/durable-file.ts';

const place = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-durable-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return join(directory, 'elasticsearch.yml');
};

/** Owner and mode of a file, as they are to stay. */
const wantedOf = async (path: string) => {
  const { uid, gid, mode } = await stat(path);
  return { uid, gid, mode: mode & 0o7777 };
};

test('a file that is replaced keeps its access control list', async () => {
  const path = await place();
  await writeFile(path, 'old');
  await chmod(path, 0o640);
  execFileSync('setfacl', ['-m', 'u:1234:r--,g:4321:rw-', path]);
  const list = (): string => execFileSync('getfacl', ['-n', '-p', path], { encoding: 'utf8' });
  const before = list();
  await writeDurably(path, Buffer.from('new'), await wantedOf(path), { keepAttributes: true });
  expect(await readFile(path, 'utf8')).toBe('new');
  expect(before).toContain('user:1234:r--');
  expect(list()).toBe(before);
});

test('a symlink at the temporary name is replaced, not followed', async () => {
  const path = await place();
  const victim = join(path, '..', 'victim');
  await writeFile(victim, 'of somebody else');
  await symlink(victim, temporaryOf(path));
  await writeDurably(path, Buffer.from('new'), {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    mode: 0o600,
  });
  expect(await readFile(victim, 'utf8')).toBe('of somebody else');
  expect((await lstat(path)).isFile()).toBe(true);
  expect(await readFile(path, 'utf8')).toBe('new');
});
