import { expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { connected } from '../connect/plans.ts';
import { changed, type World, world } from '../connect/world.ts';
import { planOff, refusalOf } from './plans.ts';

const made = (): World => connected(world({ remote: 2, local: 2 }));

test.each<[string, () => World, Parameters<typeof refusalOf>[2], string, RegExp]>([
  [
    'another run',
    made,
    { busy: ['run r-1 (Connect eu to us as "us")'] },
    'conflict',
    /is being changed by run r-1 .*runs cancel/,
  ],
  [
    'followers',
    made,
    { followers: ['the follower index logs'] },
    'conflict',
    /replicates over the alias us: the follower index logs.*--leave-followers/,
  ],
  [
    'keys of others',
    made,
    { otherKeys: ['hers (k9)'] },
    'conflict',
    /keys that are not of this connection \(hers \(k9\)\).*--keep-server/,
  ],
  [
    'a transient setting',
    changed((w) => {
      w.local.transient['cluster.remote.us.seeds'] = ['a:1'];
    }, made),
    {},
    'conflict',
    /transient setting cluster\.remote\.us\.seeds/,
  ],
  [
    'a static alias',
    changed((w) => {
      Object.assign(w.local.nodes[0]?.yml.values ?? {}, { 'cluster.remote.us.seeds': ['a:1'] });
    }, made),
    {},
    'conflict',
    /elasticsearch\.yml of node eu-1 .* brings the alias back/,
  ],
  [
    'no security',
    changed((w) => {
      w.remote.security = 'off';
    }, made),
    {},
    'preflight-failed',
    /Security is off on cluster us/,
  ],
  [
    'a missing privilege',
    changed((w) => {
      w.remote.missingPrivileges = ['manage_security'];
    }, made),
    {},
    'preflight-failed',
    /cluster us lacks the cluster privilege manage_security/,
  ],
  [
    'an agent that is away',
    changed((w) => {
      if (w.local.nodes[1]) w.local.nodes[1].agent = 'offline';
    }, made),
    {},
    'agent-offline',
    /agent of node eu-2 .* --wait-offline/,
  ],
  [
    'a node that is away',
    changed((w) => {
      w.local.absentNodes = ['eu-3'];
    }, made),
    {},
    'preflight-failed',
    /Node eu-3 .* --wait-offline/,
  ],
  [
    'a remote agent that is away',
    changed((w) => {
      if (w.remote.nodes[1]) w.remote.nodes[1].agent = 'offline';
    }, made),
    {},
    'agent-offline',
    /agent of node us-2/,
  ],
  [
    'a file that cannot be edited',
    changed((w) => {
      if (w.remote.nodes[0]) w.remote.nodes[0].yml.refusal = 'line 3 is odd';
    }, made),
    {},
    'settings-file',
    /elasticsearch\.yml of node us-1 .*: line 3 is odd/,
  ],
  [
    'a keystore with an unknown password',
    changed((w) => {
      if (w.local.nodes[0]) w.local.nodes[0].keystore.refusal = 'It is protected.';
    }, made),
    {},
    'keystore-password',
    /keystore of node eu-1/,
  ],
  [
    'an agent beside another node',
    changed((w) => {
      if (w.local.nodes[0]) w.local.nodes[0].agentPid = 1;
    }, made),
    {},
    'wrong-node',
    /joined as eu-1/,
  ],
])('is refused by name: %s', (_, make, more, code, says) => {
  const error = refusalOf(make(), {}, more);
  expect(error).toMatchObject({ code, kind: { exit: 64 } });
  expect(error.findings).toHaveLength(1);
  expect(error.message).toMatch(says);
});

test('what is not touched is not in the way', () => {
  const odd = changed((w) => {
    for (const node of w.remote.nodes) node.agent = 'offline';
    for (const node of w.local.nodes) node.yml.refusal = 'line 3 is odd';
  }, made)();
  expect(planOff(odd, { keepServer: true, keepTrust: true }, { otherKeys: ['hers (k9)'] }).restarts).toEqual([]);
});

test('followers are left to stand still where that is asked for, and a node without an agent is not asked', () => {
  const world = made();
  const [, node] = world.local.nodes;
  if (node) node.agent = 'missing';
  const plan = planOff(world, { leaveFollowers: true }, { followers: ['the auto-follow pattern all'] });
  expect(plan.warnings).toEqual([
    `${node?.name} of cluster eu has no agent: whether a keystore there has the API key is not asked. remora-remote-cluster-cas.crt and the settings that name it stay on ${node?.name}, if they are there.`,
    'Nothing is replicated any more on cluster eu by the auto-follow pattern all (--leave-followers).',
  ]);
});

test('without any agent in the local cluster nothing is removed as long as the key is valid, and the rest once it is not', () => {
  const world = made();
  for (const node of world.local.nodes) node.agent = 'missing';
  expect(refusalOf(world)).toMatchObject({
    code: 'agent-missing',
    findings: [expect.stringMatching(/^No node of cluster eu has an agent .* `remora api-keys revoke eu us`/)],
  });
  world.keys = world.keys.map((key) => ({ ...key, usable: false }));
  const after = applySteps(world, planOff(world).steps);
  expect(after).toMatchObject({ connections: [], keys: [] });
  expect(after.local.persistent).toEqual({});
  // Where the CA file is kept anyway, it is not told.
  expect(planOff(world, { keepTrust: true }).warnings).toContainEqual(expect.stringMatching(/is not asked\.$/));
});
