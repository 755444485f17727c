import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DoctorLine } from '@remora/shared/model/inventory.ts';
import { expect, test } from 'vitest';
import { createStoreBed } from '../../support/store-bed.ts';

test('a private store that was wiped beside its files is refused at start, and adopted once somebody says so', async () => {
  await using bed = await createStoreBed();
  const first = await bed.start('first');
  await first.stop();
  await rm(join(bed.dataDir('first'), 'redis'), { recursive: true });
  const log = await bed.refused('first');
  expect(log).toContain('The store was wiped');
  expect(log).toContain(`remora restore FILE --data-dir ${bed.dataDir('first')}`);
  await rm(join(bed.dataDir('first'), 'store-id'));
  await bed.start('first');
});

test('a store that is wiped under a coordinator: nothing is changed, no agent is welcome, doctor and log say so', async () => {
  await using bed = await createStoreBed();
  const coordinator = await bed.start('first');
  await bed.join('first');
  const redis = bed.redis('first');
  const certificates = await redis.hgetall('remora:agent-certificates');
  await redis.flushall();
  // Even an agent whose certificate is known is not let in.
  await redis.hset('remora:agent-certificates', certificates);
  const said = await bed.startAgent();
  await expect.poll(said, { timeout: 60_000 }).toContain('The store was wiped or replaced while this coordinator ran');
  const doctor = await bed.cli('first', ['doctor', '--json']);
  expect(JSON.parse(doctor.stdout) as DoctorLine[]).toContainEqual({
    ...{ check: 'store', ok: false, detail: expect.stringContaining('it was wiped. Nothing is done with it.') },
  });
  const change = await bed.cli('first', ['secrets', 'set', 'p12', '--file', '-', '--json'], 'a value');
  expect(change).toMatchObject({ code: 64, stdout: expect.stringContaining('"store-replaced"') });
  await expect.poll(() => coordinator.logged(), { timeout: 60_000 }).toContain('no run is looked after');
});
