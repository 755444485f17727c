import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { directoriesRefusal } from '../../../../agent/src/operations/config-dir.ts';

const place = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-trial-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
};

test('looks that go on side by side do not refuse each other', async () => {
  const directory = await place();
  const looks = Array.from({ length: 100 }, () => directoriesRefusal([directory]));
  expect((await Promise.all(looks)).filter((why) => why !== null)).toEqual([]);
  expect(await readdir(directory)).toEqual([]);
});

test('what a crash left behind goes with the next look, and nothing else', async () => {
  const directory = await place();
  await writeFile(join(directory, '.remora-trial-4711'), '');
  await writeFile(join(directory, '.remora-trial-0d9b8c1e'), '');
  await writeFile(join(directory, 'elasticsearch.yml'), '');
  await mkdir(join(directory, '.remora-trial-of-somebody'));
  expect(await directoriesRefusal([directory])).toBeNull();
  expect((await readdir(directory)).sort()).toEqual(['.remora-trial-of-somebody', 'elasticsearch.yml']);
});

test('each of several directories is tried', async () => {
  const directory = await place();
  const other = join(directory, 'missing');
  expect(await directoriesRefusal([directory, other])).toContain(`${other} cannot be written`);
  await mkdir(other);
  await chmod(other, 0o700);
  expect(await directoriesRefusal([directory, other])).toBeNull();
  expect(await directoriesRefusal([other], Number.MAX_SAFE_INTEGER)).toContain('free space');
});
