import { expect, test } from 'vitest';
import { withRefusals } from '../../../../../coordinator/src/services/doctor/doctor.ts';

test('a refusal takes the place of an agent that is offline, and stands beside one that is not', () => {
  const line = (node: string, ok: boolean, detail: string) => ({ check: `agent us/${node}`, ok, detail });
  const refusal = (node: string) => ({ node: `us/${node}`, reason: 'There are two.', hint: 'Stop one.' });
  const told = (node: string) => line(node, false, 'refused: There are two. Stop one.');
  const well = line('us-1', true, 'version 1, /etc');
  const ill = line('us-2', false, 'cannot be written');
  const lines = [well, ill, line('us-3', false, 'offline'), line('us-4', false, 'offline')];
  expect(withRefusals(lines, ['us-1', 'us-2', 'us-3'].map(refusal))).toEqual([
    ...[well, ill, line('us-4', false, 'offline')],
    ...['us-1', 'us-2', 'us-3'].map(told),
  ]);
});
