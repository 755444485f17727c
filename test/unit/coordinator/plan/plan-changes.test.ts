import { expect, test } from 'vitest';
import { planChanges } from '../../../../coordinator/src/plan/plan-changes.ts';
import type { AnyStep } from '../../../../coordinator/src/plan/steps.ts';

const step = (id: string, diff: string, health = 'green'): AnyStep =>
  ({
    ...{ id, kind: 'node.change', target: id, effect: 'restart', reason: `because of ${id}`, diff, stage: 'roll' },
    input: { cluster: 'us', node: id, operations: [], baseline: { health, nodes: 3 } },
  }) as unknown as AnyStep;

test('tells which steps are gone, new or other, and nothing of what changes by the minute', () => {
  const before = { steps: [step('a', '+ x: 1'), step('b', '+ y: 1'), step('c', '+ z: 1')] };
  const after = { steps: [step('a', '+ x: 1', 'yellow'), step('b', '+ y: 2'), step('d', '+ w: 1')] };
  expect(planChanges(before, before)).toEqual([]);
  expect(planChanges(before, after)).toEqual([
    'c, node.change: is not needed any more',
    'b, node.change: would do something else now: + y: 2',
    'd, node.change: is needed now, since because of d',
  ]);
});
