import type { Result } from '@remora/shared/protocol/delivery.ts';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { StepInputs } from '../../../../coordinator/src/plan/steps.ts';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { measured } from '../../../../coordinator/src/run/steps/node/restart-times.ts';
import type { StepParts } from '../../../../coordinator/src/run/steps/parts.ts';

const change: StepInputs['node.change'] = {
  ...{ cluster: 'us', node: 'us-1', baseline: { health: 'green', nodes: 3 } },
  outageStated: { master: false, data: [] },
  operations: [
    { name: 'settings', input: { set: { a: 1 }, remove: [] } },
    { name: 'service', input: { action: 'restart', startTimeoutMs: 1000 } },
  ],
};
const done = [
  { changed: ['a'], digest: 'd' },
  { identity: '2:2', stopMs: 3000, startMs: 20_000 },
];

/** What is filed of a step whose agent ends like this, and which then takes 7 s until the cluster has recovered. */
const filed = async (ending: Partial<Result>, intent: unknown = null): Promise<unknown[]> => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  let now = Date.parse('2026-03-01T12:00:00Z');
  const pass = (ms: number): void => {
    now += ms;
    vi.advanceTimersByTime(ms);
  };
  const records: unknown[] = [];
  const context: Partial<StepContext> = {
    memory: { intent, before: null, result: null, kept: null },
    change: async () => ({ type: 'result', id: 'r/s/1', outcome: 'done', results: done, error: null, ...ending }),
    file: async (...record) => void records.push(record),
  };
  const parts = { clock: () => new Date(now), inventory: { restartTimes: { get: async () => null } } };
  const execute = measured(parts as unknown as StepParts, async (watched) => {
    pass(60_000); // waits at a gate
    await watched.change(change, change.operations, { timeoutMs: 1000 });
    pass(7000);
    now += 5 * 3_600_000; // somebody sets the clock
    return null;
  });
  await execute(context as StepContext, change);
  return records;
};

test('a restart takes from the stop of the node until the cluster has recovered, without the wait at its gates, wherever the clock is set to', async () => {
  const at = '2026-03-01T17:01:07.000Z';
  const record = { cluster: 'us', node: 'us-1', times: [{ at, ms: 30_000 }] };
  expect(await filed({})).toEqual([['restartTimes', 'us/us-1', record]]);
});

test('nothing is filed of a restart that was not seen from end to end, or that did not come about', async () => {
  expect(await filed({}, { sent: true })).toEqual([]);
  expect(await filed({ outcome: 'refused', results: [] })).toEqual([]);
});
