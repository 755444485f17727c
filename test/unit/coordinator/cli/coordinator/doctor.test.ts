import { skipped } from '@remora/shared/model/inventory.ts';
import { expect, test } from 'vitest';
import { doctorText } from '../../../../../coordinator/src/cli/show/doctor.ts';

test('a check that was skipped is not shown as one that holds', () => {
  expect(
    doctorText([
      { check: 'redis', ok: true, detail: 'a write and a read back took 0.5 ms' },
      { check: 'redis durability', ...skipped('Redis could not be asked for appendfsync.') },
      { check: 'disk', ok: false, detail: '1 MiB free in the data directory' },
      // The words of a failure are its own.
      { check: 'store', ok: false, detail: 'skipped: no' },
    ]).split('\n'),
  ).toEqual([
    'ok       redis: a write and a read back took 0.5 ms',
    'skipped  redis durability: Redis could not be asked for appendfsync.',
    'FAILED   disk: 1 MiB free in the data directory',
    'FAILED   store: skipped: no',
  ]);
});
