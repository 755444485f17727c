import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createBed, restart, setting } from '../../support/agent-harness.ts';
import { until } from '../../support/fake-gateway.ts';

const HOURS_MS = 5 * 3_600_000;

test("an agent's clock that jumps while a node restarts neither fails a start that goes on nor keeps one that hangs", async () => {
  await using bed = await createBed(['cheap.start.ms: 1500']);
  const clock = join(bed.root, 'clock');
  const jump = (ms: number): Promise<void> => writeFile(clock, String(ms));
  await jump(0);
  await bed.startNode();
  await bed.join();
  await bed.startAgent(clock);
  const first = bed.nodePid();
  bed.gateway.send([setting({ a: 1 }), restart(60_000)], { id: 'r/s/1' });
  await until('the node is started again', () => ![null, first].includes(bed.nodePid()));
  await jump(HOURS_MS);
  const done = await bed.gateway.result('r/s/1');
  expect(done).toMatchObject({ outcome: 'done', results: [{}, { startMs: expect.any(Number) }] });
  // What is filed of a restart is how long it took.
  expect((done.results[1] as { startMs: number }).startMs).toBeLessThan(HOURS_MS);
  const [yml, second] = [await bed.yml(), bed.nodePid()];

  bed.gateway.send([setting({ 'cheap.hang': true }), restart(3000)], { id: 'r/s/2' });
  await until('the node was started', () => ![null, second].includes(bed.nodePid()));
  await jump(-HOURS_MS);
  expect(await bed.gateway.result('r/s/2')).toMatchObject({ outcome: 'undone' });
  expect(await bed.yml()).toBe(yml);
  expect(await bed.answers()).toBe(true);
});
