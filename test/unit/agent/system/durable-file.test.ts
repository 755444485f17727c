import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
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

describe('where there is SELinux', () => {
  const replace = async (path: string): Promise<void> =>
    writeDurably(path, Buffer.from('new'), await wantedOf(path), { keepAttributes: true, selinux: true });
  const LABEL = 'system_u:object_r:remora_test_t:s0';
  /** The kernel keeps labels for root whether or not it enforces them, if the file system can. */
  const canLabel = ((): boolean => {
    const directory = mkdtempSync(join(tmpdir(), 'remora-label-'));
    const { status } = spawnSync('chcon', [LABEL, directory]);
    rmSync(directory, { recursive: true });
    return status === 0;
  })();

  /** Programs that are found before the system's. */
  const standIns = async (path: string, programs: Readonly<Record<string, string>>): Promise<void> => {
    const directory = join(dirname(path), 'bin');
    await mkdir(directory);
    for (const [name, script] of Object.entries(programs)) {
      await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const before = process.env.PATH;
    process.env.PATH = `${directory}${delimiter}${before}`;
    onTestFinished(() => {
      process.env.PATH = before;
    });
  };

  test.runIf(canLabel)('a file that is replaced keeps its label', async () => {
    const path = await place();
    await writeFile(path, 'old');
    execFileSync('chcon', [LABEL, path]);
    await replace(path);
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(execFileSync('stat', ['-c', '%C', path], { encoding: 'utf8' }).trim()).toBe(LABEL);
  });

  test('a file whose label cannot be kept is not replaced', async () => {
    const path = await place();
    await standIns(path, { stat: 'echo one; echo other', chcon: 'echo "not supported" >&2; exit 1' });
    await writeFile(path, 'old');
    await expect(replace(path)).rejects.toThrow(`the SELinux label of ${path} cannot be kept: not supported`);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(dirname(path))).not.toContain('.elasticsearch.yml.remora-tmp');
  });

  test('a file whose label is right already is replaced, though labels cannot be set there', async () => {
    const path = await place();
    await standIns(path, { stat: 'echo same; echo same', chcon: 'exit 1' });
    await writeFile(path, 'old');
    await replace(path);
    expect(await readFile(path, 'utf8')).toBe('new');
  });
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
