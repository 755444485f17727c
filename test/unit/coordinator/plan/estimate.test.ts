import { expect, test } from 'vitest';
import { estimateOf, withTime } from '../../../../coordinator/src/plan/estimate.ts';
import { planRestart } from '../../../../coordinator/src/plan/restart/restart.ts';
import { factsOf, request, sha256 } from '../../../cases/connect/facts.ts';
import { planIn } from '../../../cases/connect/plans.ts';
import { world } from '../../../cases/connect/world.ts';

const restart = planRestart({ cluster: 'us' }, factsOf(world({ remote: 3 }), request()).remote, {
  ...{ planId: 'plan-1', now: '2026-03-01T12:00:00.000Z', hash: sha256 },
});
const took = (node: string, ...seconds: number[]) => ({
  ...{ cluster: 'us', node },
  times: seconds.map((each) => ({ at: '2026-03-01T12:00:00.000Z', ms: each * 1000 })),
});

test('an estimate adds up what the nodes took before, of each the median, and guesses nothing', () => {
  expect(estimateOf(restart, [took('us-1', 100, 900, 120), took('us-2', 240), took('eu-1', 5)])).toEqual({
    ...{ seconds: 360, unknown: ['us-3'] },
    text: 'about 6m 00s from the last restarts of these nodes; unknown for us-3',
  });
  expect(estimateOf(restart, [took('us-1', 1), took('us-2', 2), took('us-3', 3)])).toEqual({
    ...{ seconds: 6, unknown: [], text: 'about 6.0 s from the last restarts of these nodes' },
  });
});

test('what was never measured has no number, also where a node of another cluster has the name', () => {
  const elsewhere = { ...took('us-1', 5), cluster: 'eu' };
  expect(estimateOf(restart, [elsewhere])).toEqual({
    ...{ seconds: null, unknown: ['us-2', 'us-3', 'us-1'] },
    text: 'unknown: no restart of these nodes was measured yet',
  });
});

test('files and API calls are no restarts', () => {
  const plan = planIn(world(), request());
  const steps = plan.steps.filter(({ target }) => !plan.restarts.includes(target));
  expect(estimateOf({ steps }, [])).toEqual({ seconds: null, unknown: [], text: 'no node is restarted' });
});

test('the last five times of a node are remembered', () => {
  const node = { cluster: 'us', node: 'us-1' };
  const times = [1, 2, 3, 4, 5, 6].map((ms) => ({ at: `t${ms}`, ms }));
  const record = times.reduce<ReturnType<typeof withTime> | null>((before, time) => withTime(before, node, time), null);
  expect(record).toEqual({ ...node, times: times.slice(1) });
});
