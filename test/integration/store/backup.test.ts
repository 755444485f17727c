import { readdirSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FleetStatus } from '@remora/shared/model/fleet.ts';
import type { Run } from '@remora/shared/model/run.ts';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { backUp } from '../../../coordinator/src/backup/back-up.ts';
import { startPlace } from '../../../coordinator/src/backup/place.ts';
import { restore } from '../../../coordinator/src/backup/restore.ts';
import { readConfig } from '../../../coordinator/src/config.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { RunStore } from '../../../coordinator/src/store/runs/run-store.ts';
import { createStoreBed, fenceOf, filesPlan, type StoreBed } from '../../support/store-bed.ts';

const SECRET = 'a secret that only the sealing key opens';
const PASSPHRASE = 'correct horse battery';

const backUpBy = async (bed: StoreBed, name: string, out: string) => {
  const args = ['backup', '--data-dir', bed.dataDir(name), '--out', join(bed.directory, out)];
  return bed.cli(name, [...args, '--passphrase-file', '-', '--json'], PASSPHRASE);
};
const restoreTo = (bed: StoreBed, name: string, file: string) => {
  const args = ['restore', join(bed.directory, file), '--data-dir', bed.dataDir(name), '--passphrase-file', '-'];
  return bed.cli(name, [...args, '--json'], PASSPHRASE);
};
const runOf = (redis: Redis, runId: string): Promise<Run> => new RunStore(redis, () => new Date()).view(runId);
const deliveriesIn = ({ agentDir }: StoreBed): string[] => readdirSync(join(agentDir, 'journal')).sort();

test('a back-up of a coordinator that runs, restored elsewhere: agents connect, secrets open, runs go on above every fence', async () => {
  await using bed = await createStoreBed();
  const first = await bed.start('first');
  await bed.join('first');
  expect((await bed.cli('first', ['secrets', 'set', 'p12', '--file', '-'], SECRET)).code).toBe(0);
  const redis = bed.redis('first');
  const runId = await bed.fileRun(redis, filesPlan('a.p12', 'b.p12'));
  await expect.poll(async () => (await runOf(redis, runId)).steps[0]?.status, { timeout: 30_000 }).toBe('waiting');

  const made = await backUpBy(bed, 'first', 'backup');
  expect(made.code, made.stderr).toBe(0);
  const summary = JSON.parse(made.stdout) as { storeId: string; runs: number };
  expect(summary).toMatchObject({ runs: 1, storeId: await redis.hget(keys.meta, 'storeId') });
  expect((await stat(join(bed.directory, 'backup'))).mode & 0o777).toBe(0o600);
  const bytes = await readFile(join(bed.directory, 'backup'), 'latin1');
  expect(bytes.split('\n')[0]).toContain('"remora":"backup"');
  expect(bytes.slice(bytes.indexOf('\n'))).not.toContain('remora:');

  // What the back-up does not know: the run is carried out, and the agent has seen a fence and written its files.
  let said = await bed.startAgent();
  await expect.poll(async () => (await runOf(redis, runId)).status, { timeout: 30_000 }).toBe('succeeded');
  const seen = await fenceOf(bed);
  const before = deliveriesIn(bed);
  await first.stop('SIGKILL');
  await bed
    .redis('first')
    .shutdown('NOSAVE')
    .catch(() => undefined);
  await bed.stopAgent();

  const restored = await restoreTo(bed, 'second', 'backup');
  expect(restored.code, restored.stderr).toBe(0);
  expect(JSON.parse(restored.stdout)).toMatchObject({ storeId: summary.storeId, openRuns: [runId] });
  expect((await stat(join(bed.dataDir('second'), 'sealing.key'))).mode & 0o777).toBe(0o600);
  await writeFile(join(bed.configDir, 'a.p12'), 'somebody mended it by hand');
  await bed.start('second');
  const second = bed.redis('second');
  said = await bed.startAgent();
  await expect.poll(async () => (await runOf(second, runId)).status, { timeout: 60_000 }).toBe('succeeded');
  expect(await fenceOf(bed)).toBeGreaterThan(seen + 3_600_000);
  // Not answered from the journal, which has the same attempts: done again.
  expect(await readFile(join(bed.configDir, 'a.p12'), 'utf8')).toBe(SECRET);
  expect(deliveriesIn(bed).length).toBe(before.length + 2);
  expect(said()).toMatch(/the store was restored from a back-up/);
  const verdict = await bed.cli('second', ['audit', 'verify', '--json']);
  expect(JSON.parse(verdict.stdout)).toMatchObject({ ok: true });
  expect((await bed.cli('second', ['audit', 'list'])).stdout).toContain('store.restore');
});

test('a place that is not empty, a wrong passphrase and a damaged file are refused before anything is written', async () => {
  await using bed = await createStoreBed();
  const place = (name: string) => readConfig({ dataDir: bed.dataDir(name) });
  const file = (name: string): string => join(bed.directory, name);
  const first = await bed.start('first');
  await backUp(await place('first'), file('backup'), PASSPHRASE);
  const inUse = await restoreTo(bed, 'first', 'backup');
  expect(inUse).toMatchObject({ code: 64, stdout: expect.stringContaining('Another coordinator (pid') });
  await expect(restore(await place('config'), file('backup'), PASSPHRASE)).rejects.toThrow(/is not empty \(elastic/);
  await expect(backUp(await place('first'), file('backup'), PASSPHRASE)).rejects.toThrow(/cannot be written/);
  await expect(backUp(await place('first'), file('x'), 'short')).rejects.toThrow(/too short/);

  const bytes = await readFile(file('backup'));
  const damaged = Buffer.from(bytes);
  damaged[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
  await writeFile(file('damaged'), damaged);
  await writeFile(file('cut'), bytes.subarray(0, bytes.length - 1000));
  await writeFile(file('newer'), bytes.toString('latin1').replace('"schemaVersion":1', '"schemaVersion":9'), 'latin1');
  await writeFile(file('other'), 'hello');
  const refusals: readonly (readonly [string, string, RegExp])[] = [
    ['backup', 'another passphrase', /the passphrase is another one/],
    ['damaged', PASSPHRASE, /altered or cut off/],
    ['cut', PASSPHRASE, /altered or cut off/],
    ['newer', PASSPHRASE, /newer than this one/],
    ['other', PASSPHRASE, /is not a back-up of Remora/],
    ['nowhere', PASSPHRASE, /cannot be read/],
  ];
  for (const [name, passphrase, message] of refusals) {
    await expect(restore(await place('new'), file(name), passphrase), name).rejects.toThrow(message);
  }
  expect(() => readdirSync(bed.dataDir('new'))).toThrow(/ENOENT/);

  // Stopped, it is backed up as well; and nothing starts on a restore that was cut off.
  await first.stop();
  await backUp(await place('first'), file('stopped'), PASSPHRASE);
  await expect(restore(await place('first'), file('stopped'), PASSPHRASE)).rejects.toThrow(/holds a store of Remora/);
  await mkdir(bed.dataDir('new'));
  await restore(await place('new'), file('stopped'), PASSPHRASE);
  const opened = await startPlace(bed.dataDir('new'));
  await opened.redis.hset(keys.meta, 'restoring', 'now');
  await opened.close();
  expect(await bed.refused('new')).toContain('restored into this store, or that did not end');
});

test('a back-up that is made while the fleet CA is rotated goes on with that where it is restored', async () => {
  await using bed = await createStoreBed();
  const first = await bed.start('first');
  const rotate = ['fleet', 'rotate-ca', '--yes', '--detach', '--json'];
  const begun = await bed.cli('first', rotate);
  expect(begun.code, begun.stderr).toBe(0);
  expect((await backUpBy(bed, 'first', 'backup')).code).toBe(0);
  const gone = await bed.cli('first', ['fleet', 'rotate-ca', '--go-on', '--yes', '--json']);
  expect(gone.code, gone.stderr).toBe(0);
  const to = (JSON.parse(begun.stdout) as FleetStatus).rotation?.to;
  expect(JSON.parse(gone.stdout)).toMatchObject({ rotation: null, ca: to });
  await first.stop();
  const restored = await restoreTo(bed, 'second', 'backup');
  expect(restored.code, restored.stderr).toBe(0);
  await bed.start('second');
  const [{ rotation }, before] = await Promise.all([
    bed.cli('second', ['fleet', 'status', '--json']).then(({ stdout }) => JSON.parse(stdout) as FleetStatus),
    JSON.parse(begun.stdout) as FleetStatus,
  ]);
  expect(rotation).toEqual(before.rotation);
  const { startedAt = '', switchAfter = '' } = rotation ?? {};
  expect(Date.parse(switchAfter) - Date.parse(startedAt)).toBe(3_600_000);
  const cancelled = await bed.cli('second', ['fleet', 'rotate-ca', '--cancel', '--yes', '--json']);
  expect(JSON.parse(cancelled.stdout)).toMatchObject({ rotation: null, ca: before.rotation?.from });
  expect(
    readdirSync(bed.dataDir('second'))
      .filter((name) => name.startsWith('fleet-ca'))
      .sort(),
  ).toEqual(['fleet-ca.crt', 'fleet-ca.key']);
});
