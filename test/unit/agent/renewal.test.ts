import { BACKDATED_MS } from '@remora/shared/protocol/enrol.ts';
import { expect, test } from 'vitest';
import { renewalDueIn } from '../../../agent/src/renewal.ts';
import { createCa } from '../../../coordinator/src/pki/ca.ts';

const MINUTE = 60_000;

test('a certificate is due by the life that it has from when it was issued, though it begins earlier', async () => {
  const now = new Date('2026-03-01T12:00:00Z');
  const { certificatePem } = await createCa({ commonName: 'any', validityDays: 1, keyBits: 3072, now });
  const dueAfter = (minutes: number, share: number) =>
    renewalDueIn(certificatePem, share, now.getTime() + minutes * MINUTE);
  expect(BACKDATED_MS).toBe(5 * MINUTE);
  expect(dueAfter(0, 2 / 3)).toBeCloseTo(16 * 60 * MINUTE);
  expect(dueAfter(60, 0.5)).toBe(11 * 60 * MINUTE);
  expect(dueAfter(16 * 60, 2 / 3)).toBeCloseTo(0);
  expect(dueAfter(30 * 60, 2 / 3)).toBe(0);
});
