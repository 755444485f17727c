import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { beforePath } from '../../../../agent/src/journal/record.ts';
import { type Numbered, undoPair } from '../../../../agent/src/journal/undo-pair.ts';
import { digestOf } from '../../../../agent/src/system/durable-file.ts';
import { pairsIn } from '../../../../agent/src/undo/pairs.ts';

/** A pair that a transaction replaced: `old` stood there, and `new` stands there. */
const replaced = async () => {
  const root = await mkdtemp(join(tmpdir(), 'remora-undo-'));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'before'));
  const state = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 };
  const make = async (index: number, label: string): Promise<Numbered> => {
    const path = join(root, label);
    await Promise.all([writeFile(path, 'new'), writeFile(beforePath(root, index), 'old')]);
    const [before, after] = ['old', 'new'].map((text) => ({ ...state, digest: digestOf(text) }));
    return [index, { path, label, before: before ?? null, after: after ?? null }];
  };
  const pair = [await make(3, 'a.key'), await make(4, 'a.crt')] as const;
  const read = () => Promise.all(pair.map(([, { path }]) => readFile(path, 'utf8')));
  const left = async () => (await readdir(root)).sort();
  return { root, pair, read, left };
};

const nothingBeside = ['a.crt', 'a.key', 'before'];

test('both go back, also where one is back already, and twice is once', async () => {
  const { root, pair, read, left } = await replaced();
  await writeFile(join(root, 'a.key'), 'old');
  for (let times = 0; times < 2; times += 1) {
    expect(await undoPair(root, pair)).toEqual([]);
    expect([await read(), await left()]).toEqual([['old', 'old'], nothingBeside]);
  }
});

test('both go where none stood before', async () => {
  const { root, pair, left } = await replaced();
  const [key, certificate] = pair.map(([index, change]): Numbered => [index, { ...change, before: null }]);
  if (!key || !certificate) throw new Error('there is no pair');
  expect(await undoPair(root, [key, certificate])).toEqual([]);
  expect(await left()).toEqual(['before']);
});

test('both stay where somebody changed one of them, which is said of each', async () => {
  const { root, pair, read } = await replaced();
  await writeFile(join(root, 'a.crt'), 'theirs');
  expect(await undoPair(root, pair)).toEqual([
    'a.crt was changed by somebody else meanwhile',
    'a.key, which belongs to a.crt, stays as it is',
  ]);
  expect(await read()).toEqual(['new', 'theirs']);
});

test('both stay where what stood before one of them is lost, and nothing is left beside them', async () => {
  const { root, pair, read, left } = await replaced();
  await rm(beforePath(root, 4));
  await expect(undoPair(root, pair)).rejects.toThrow('ENOENT');
  expect([await read(), await left()]).toEqual([['new', 'new'], nothingBeside]);
});

test('a pair is a key and a certificate of one port in one version', () => {
  const sources = [
    ['a.crt', 'secret:node/us/us-1/http/certificate@2'],
    ['a.key', 'secret:node/us/us-1/http/key@2'],
    ['b.key', 'secret:node/us/us-1/http/key@1'],
    ['c.crt', 'secret:node/us/us-1/transport/certificate@2'],
    ['cas.crt', 'CA certificates of a'],
    ['gone', null],
  ] as const;
  expect(pairsIn({ sources: sources.map(([path, source]) => ({ path, source, digest: '' })) })).toEqual([
    ['a.key', 'a.crt'],
  ]);
});
