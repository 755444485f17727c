import { expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { connected, lines, stepOf } from '../connect/plans.ts';
import { type World, world } from '../connect/world.ts';
import { planOff, refusalOf, traces } from './plans.ts';

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

/** The world once its local cluster is gone: nobody can be asked there. */
const goneLocal = (made: World): World => {
  const { nodes: _, ...local } = made.local;
  made.local = { ...local, nodes: [], persistent: {}, transient: {} };
  return made;
};

test('of a local cluster that is gone for good nothing is asked: the key is invalidated, the remote one is as it was before, and the plan says what stays and how the rest is forgotten', () => {
  const made = goneLocal(connected(world({ remote: 2, local: 1 })));
  const plan = planOff(made, { localGone: true }, { goneNodes: ['eu-1'] });
  expect(lines(plan)).toEqual([
    'api-key api-keys.revoke us api',
    'remote-roll node.change us-2 restart',
    'remote-roll node.change us-1 restart',
    'end inventory.put-back coordinator none',
  ]);
  expect(stepOf(plan, 'api-keys.revoke').input).toMatchObject({ cluster: 'us', local: 'eu', alias: 'us' });
  expect(plan.warnings).toEqual([
    expect.stringMatching(
      /^Cluster eu is taken to be gone for good: .* cluster\.remote\.us\.credentials in keystores .* stay on its machines/,
    ),
    'What else is on record of eu is forgotten by `remora nodes remove eu-1 --cluster eu`, `remora clusters remove eu`.',
  ]);
  const after = applySteps(made, plan.steps);
  expect(traces(after)).toEqual(traces(goneLocal(world({ remote: 2, local: 1 }))));
  expect(after).toMatchObject({ connections: [], certificates: [], keys: [] });
});

test('what answers in its place with another certificate may be it after all, and is told first', () => {
  const made = goneLocal(connected(world({ remote: 1, local: 1 })));
  expect(planOff(made, { localGone: true }, { goneAnswer: 'self-signed certificate' }).warnings[0]).toMatch(
    /^Something answers at the addresses of cluster eu .*\(self-signed certificate\): .* `remora clusters add eu` with --ca/,
  );
});

test('whatever a run that was cut off has left of it, the same command brings it to the end', () => {
  const made = goneLocal(connected(world({ remote: 2, local: 1 })));
  const { steps } = planOff(made, { localGone: true });
  for (let done = 1; done < steps.length; done += 1) {
    const half = applySteps(made, steps.slice(0, done));
    const after = applySteps(half, planOff(half, { localGone: true }).steps);
    expect(traces(after)).toEqual(traces(goneLocal(world({ remote: 2, local: 1 }))));
    expect(after).toMatchObject({ connections: [], certificates: [], keys: [] });
  }
});

test('a key whose secret is lost is invalidated with it', () => {
  const made = goneLocal(connected(world({ remote: 1, local: 1 })));
  const plan = planOff(made, { localGone: true }, { strays: [{ id: 'k9', name: 'remora-eu-us-run-0-1' }] });
  expect(stepOf(plan, 'api-keys.revoke').input.ids).toEqual([expect.any(String), 'k9']);
});

test('the remote cluster server stays where another cluster or somebody else connects through it, or it is to be kept', () => {
  const made = goneLocal(connected(world({ remote: 1, local: 1 })));
  const [one] = made.connections;
  const theirs = {
    ...made,
    connections: [...made.connections, { ...one, local: 'ap' } as (typeof made.connections)[0]],
  };
  for (const plan of [planOff(theirs, { localGone: true }), planOff(made, { localGone: true, keepServer: true })])
    expect(lines(plan)).toEqual(['api-key api-keys.revoke us api', 'end inventory.put-back coordinator none']);
  expect(refusalOf(made, { localGone: true }, { otherKeys: ['theirs (k2)'] }).message).toMatch(/--keep-server/);
  expect(refusalOf(made, { localGone: true, keepTrust: true }).message).toMatch(/^--keep-trust: .* nothing is changed/);
});

test('the commands that forget the rest name other connections of the cluster, in either direction', () => {
  const made = goneLocal(connected(connected(world({ remote: 1, local: 1 })), { alias: 'second' }));
  const [one] = made.connections;
  made.connections.push({ ...one, local: 'us', remote: 'eu', alias: 'back' } as (typeof made.connections)[0]);
  expect(planOff(made, { localGone: true }).warnings).toContainEqual(
    expect.stringContaining('`remora disconnect eu second --local-gone`, `remora disconnect us back --remote-gone`'),
  );
});

test('where both are gone nothing is changed anywhere, and the key is named that nobody invalidated', () => {
  const made = gone(goneLocal(connected(world({ remote: 1, local: 1 }))));
  const plan = planOff(made, { localGone: true, remoteGone: true });
  expect(lines(plan)).toEqual(['end inventory.put-back coordinator none']);
  expect(plan.warnings).toEqual([
    expect.stringMatching(/^Cluster us is taken to be gone/),
    expect.stringMatching(/^Cluster eu is taken to be gone/),
    expect.stringMatching(/^What else is on record of eu/),
    expect.stringMatching(/is not invalidated/),
  ]);
  expect(applySteps(made, plan.steps)).toMatchObject({ connections: [], certificates: [], keys: [] });
});
