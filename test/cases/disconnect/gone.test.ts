import { expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { connected, lines } from '../connect/plans.ts';
import { type World, world } from '../connect/world.ts';
import { planOff, traces } from './plans.ts';

/** The world once its remote cluster is gone: nobody can say whether the keys are valid. */
const gone = (made: World): World => {
  made.remote.nodes = [];
  made.keys = made.keys.map((key) => ({ ...key, usable: false }));
  return made;
};

test('of a remote cluster that is gone for good nothing is asked: the local one is as it was before, and the key is named that nobody invalidated', () => {
  const made = gone(connected(world({ remote: 2, local: 1 })));
  const plan = planOff(made, { remoteGone: true });
  expect(lines(plan)).toEqual([
    'alias cluster-settings.put eu api',
    'credentials node.change eu-1 reload',
    'reload secure-settings.reload eu-1 reload',
    'local-roll node.change eu-1 restart',
    'end inventory.put-back coordinator none',
  ]);
  expect(plan.warnings).toEqual([
    expect.stringMatching(/^Cluster us is taken to be gone for good/),
    expect.stringMatching(
      /^The API key .* \(id-of-secret:connection\/eu\/us\/api-key@1\) is not invalidated: .* come back/,
    ),
  ]);
  const after = applySteps(made, plan.steps);
  expect(traces(after)).toEqual(traces(gone(world({ remote: 2, local: 1 }))));
  expect(after).toMatchObject({ connections: [], certificates: [], keys: [] });
});

test('a process may still have the credential, so it is told also where an earlier run took that out of the keystore', () => {
  const made = gone(connected(world({ remote: 1, local: 1 })));
  const { steps } = planOff(made, { remoteGone: true });
  const half = applySteps(made, steps.slice(0, 2));
  expect(lines(planOff(half, { remoteGone: true }))[0]).toBe('reload secure-settings.reload eu-1 reload');
});

test('beside another connection to it the certificates stay on record until that goes too', () => {
  const made = gone(connected(connected(world({ remote: 1, local: 1 })), { alias: 'second' }));
  const after = applySteps(made, planOff(made, { remoteGone: true }).steps);
  expect(after.certificates).toHaveLength(1);
  const last = planOff(after, { alias: 'second', remoteGone: true });
  expect(applySteps(after, last.steps)).toMatchObject({ connections: [], certificates: [] });
});
