import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDataDirectory } from '../../../agent/src/data-directory.ts';
import { openFence } from '../../../agent/src/fence.ts';
import { openLedger } from '../../../agent/src/ledger.ts';

const place = async () => {
  const path = await mkdtemp(join(tmpdir(), 'remora-ledger-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return openDataDirectory(path);
};

test('saves of the ledger that come at once all stay', async () => {
  const directory = await place();
  const ledger = await openLedger(directory);
  const paths = Array.from({ length: 20 }, (_, index) => `/etc/elasticsearch/${index}.crt`);
  await Promise.all([
    ...paths.map((path) => ledger.saveSources([{ path, digest: 'd', source: path }])),
    ledger.saveKeystore({ digest: 'k', names: ['a'], entries: {} }),
  ]);
  const reopened = await openLedger(directory);
  expect(paths.map((path) => reopened.sourceOf(path, 'd'))).toEqual(paths);
  expect(reopened.keystore()).toEqual({ digest: 'k', names: ['a'], entries: {} });
});

test('of fences that come at once the highest stays', async () => {
  const directory = await place();
  const fence = await openFence(directory.fence);
  expect(await Promise.all([5, 9, 7].map((value) => fence.admit(value)))).toEqual([true, true, false]);
  expect((await openFence(directory.fence)).highest()).toBe(9);
});
