import { expect, test } from 'vitest';
import { createBackOff } from '../../../../agent/src/link/backoff.ts';

test('the back-off doubles its ceiling up to a cap, takes any part of it, and begins anew after a success', () => {
  const highest = createBackOff({ baseMs: 500, capMs: 4000, random: () => 1 });
  expect([highest.next(), highest.next(), highest.next(), highest.next(), highest.next()]).toEqual([
    500, 1000, 2000, 4000, 4000,
  ]);
  highest.reset();
  expect(highest.next()).toBe(500);
  expect(createBackOff({ baseMs: 500, capMs: 4000, random: () => 0 }).next()).toBe(0);
});
