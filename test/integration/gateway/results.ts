import type { Result } from '@remora/shared/protocol/delivery.ts';

/** What agents answer to a delivery. */
export const done = (id: string, ...results: unknown[]): Result => ({
  type: 'result',
  id,
  outcome: 'done',
  results,
  error: null,
});
export const failure = (id: string, error: Result['error'], outcome: Result['outcome'] = 'refused'): Result => ({
  ...{ type: 'result', id, outcome, results: [], error },
});
