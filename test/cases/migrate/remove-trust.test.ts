import { expect, test } from 'vitest';
import { nodeOf } from '../connect/world.ts';
import { connectedBy, refusalOf } from '../connect-certificate/plans.ts';
import {
  AUTHORITIES,
  BUNDLE,
  carriedOut,
  strangers,
  type TrustWorld,
  trustWorld,
} from '../connect-certificate/world.ts';
import { planTo } from './plans.ts';

const byCertificate = () => connectedBy(trustWorld());

test.each<[string, (one: TrustWorld) => void, RegExp]>([
  [
    'an agent that is away, whose node would keep it unknown to anybody',
    ({ made }) => {
      nodeOf(made.remote, 'us-2').agent = 'offline';
    },
    /agent of node us-2 \(cluster us\) is offline/,
  ],
  [
    'a port that nobody sees',
    ({ unseen }) => void unseen.push('eu-1'),
    /what node eu-1 serves .* is not known, .* leave out --remove-trust/,
  ],
  [
    'a node that names nothing else by now',
    ({ made }) => {
      nodeOf(made.local, 'eu-1').yml.values[AUTHORITIES] = [BUNDLE];
    },
    /elasticsearch\.yml of node eu-1 \(cluster eu\) names remora-transport-remote-cas\.crt alone/,
  ],
  [
    'an alias that Remora does not manage',
    ({ made }) => {
      made.remote.persistent['cluster.remote.theirs.seeds'] = ['10.0.2.1:9300'];
    },
    /Cluster us has the alias theirs, .* leave out --remove-trust, or remove that alias first/,
  ],
])('the trust is not taken off later with %s', (_, change, message) => {
  const one = byCertificate();
  const kept = carriedOut(one, planTo(one).steps);
  change(kept);
  expect(refusalOf(() => planTo(kept, { removeTrust: true, search: [] })).message).toMatch(message);
});

test('a CA on which a cluster lives itself by then stays, and the plan says so', () => {
  const one = byCertificate();
  const kept = carriedOut(one, planTo(one).steps);
  kept.cas.eu = 'ca-us';
  const plan = planTo(kept, { removeTrust: true, search: [] });
  expect(plan.warnings).toEqual([expect.stringMatching(/^CN=ca-us stays in remora-transport-remote-cas\.crt/)]);
  expect(strangers(carriedOut(kept, plan.steps))).toEqual([]);
});

test('trust that Remora did not place stays, also where it is to go: the plan says so', () => {
  const stays = expect.stringMatching(/^Where the nodes of eu and us trust each other .* Remora did not place it/);
  const byHand = byCertificate();
  byHand.records = [];
  const oneCa = connectedBy(trustWorld({ local: 'one', remote: 'one' }));
  for (const [one, remote] of [
    [byHand, { remote: 'us' }],
    [oneCa, {}],
  ] as const)
    expect(planTo(one, { ...remote, removeTrust: true }).warnings).toContainEqual(stays);
});
