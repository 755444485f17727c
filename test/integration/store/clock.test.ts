import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RunStore } from '../../../coordinator/src/store/runs/run-store.ts';
import { createStoreBed, fenceOf, filesPlan } from '../../support/store-bed.ts';

const HOURS_MS = 5 * 3_600_000;

test("a coordinator's clock that jumps by hours, either way: its agent stays, runs go on, fences grow", async () => {
  await using bed = await createStoreBed();
  const clock = join(bed.directory, 'clock');
  await writeFile(clock, '0');
  await bed.start('first', clock);
  await bed.join('first');
  expect((await bed.cli('first', ['secrets', 'set', 'p12', '--file', '-'], 'a value')).code).toBe(0);
  const redis = bed.redis('first');
  const runs = new RunStore(redis, () => new Date());
  const statusOf = async (runId: string): Promise<string> => (await runs.view(runId)).status;
  const said = await bed.startAgent();
  let fence = 0;
  for (const shift of [0, HOURS_MS, -HOURS_MS]) {
    await writeFile(clock, String(shift));
    const runId = await bed.fileRun(redis, filesPlan(`${shift}.p12`));
    await expect.poll(() => statusOf(runId), { timeout: 60_000 }).toBe('succeeded');
    expect(await fenceOf(bed)).toBeGreaterThan(fence);
    fence = await fenceOf(bed);
  }
  // The audit log is chained by its sequence, not by its times.
  const verdict = await bed.cli('first', ['audit', 'verify', '--json']);
  expect(JSON.parse(verdict.stdout)).toMatchObject({ ok: true });
  expect(said()).not.toContain('no session with');
});
