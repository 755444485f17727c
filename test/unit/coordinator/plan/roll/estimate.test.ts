import { expect, test } from 'vitest';
import { estimateOf, withTime } from '../../../../../coordinator/src/plan/roll/estimate.ts';

const batch = (...nodes: string[]) => ({ cluster: 'us', nodes });
const oneByOne = [batch('us-2'), batch('us-3'), batch('us-1')];
const took = (node: string, ...seconds: number[]) => ({
  ...{ cluster: 'us', node },
  times: seconds.map((each) => ({ at: '2026-03-01T12:00:00.000Z', ms: each * 1000 })),
});

test('an estimate adds up what the nodes took before, of each the median, and guesses nothing', () => {
  expect(estimateOf(oneByOne, [took('us-1', 100, 900, 120), took('us-2', 240), took('eu-1', 5)])).toEqual({
    ...{ seconds: 360, unknown: ['us-3'] },
    text: 'about 6m 00s from the last restarts of these nodes; unknown for us-3',
  });
  expect(estimateOf(oneByOne, [took('us-1', 1), took('us-2', 2), took('us-3', 3)])).toEqual({
    ...{ seconds: 6, unknown: [], text: 'about 6.0 s from the last restarts of these nodes' },
  });
});

test('what was never measured has no number, also where a node of another cluster has the name', () => {
  const elsewhere = { ...took('us-1', 5), cluster: 'eu' };
  expect(estimateOf(oneByOne, [elsewhere])).toEqual({
    ...{ seconds: null, unknown: ['us-2', 'us-3', 'us-1'] },
    text: 'unknown, since no restart of these nodes was measured yet',
  });
});

test('a batch takes as long as its slowest node, and nodes that were never measured are named all the same', () => {
  const measured = [took('us-1', 30), took('us-2', 200), took('us-3', 50)];
  expect(estimateOf([batch('us-2', 'us-3', 'us-4'), batch('us-5'), batch('us-1')], measured)).toEqual({
    ...{ seconds: 230, unknown: ['us-4', 'us-5'] },
    text: 'about 3m 50s from the last restarts of these nodes; unknown for us-4, us-5',
  });
});

test('a plan without restarts has none', () => {
  expect(estimateOf([], [])).toEqual({ seconds: null, unknown: [], text: 'no node is restarted' });
});

test('the last five times of a node are remembered', () => {
  const node = { cluster: 'us', node: 'us-1' };
  const times = [1, 2, 3, 4, 5, 6].map((ms) => ({ at: `t${ms}`, ms }));
  const record = times.reduce<ReturnType<typeof withTime> | null>((before, time) => withTime(before, node, time), null);
  expect(record).toEqual({ ...node, times: times.slice(1) });
});
