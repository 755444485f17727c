import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openCoordinatorId } from '../../../coordinator/src/coordinator-id.ts';

test('a coordinator comes back under its id; others, also on a shared data directory, have another', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'remora-id-'));
  const otherDir = await mkdtemp(join(tmpdir(), 'remora-id-'));
  onTestFinished(async () => {
    await Promise.all([dataDir, otherDir].map((path) => rm(path, { recursive: true })));
  });
  const listen = { host: '127.0.0.1', port: 8600 };
  const first = await Promise.all([1, 2, 3].map(() => openCoordinatorId({ dataDir, listen })));
  expect(new Set(first).size).toBe(1);
  expect(await openCoordinatorId({ dataDir, listen })).toBe(first[0]);
  expect(await openCoordinatorId({ dataDir, listen: { ...listen, port: 8601 } })).not.toBe(first[0]);
  expect(await openCoordinatorId({ dataDir: otherDir, listen })).not.toBe(first[0]);
});
