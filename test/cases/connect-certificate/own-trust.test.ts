import { expect, test } from 'vitest';
import { nodeOf } from '../connect/world.ts';
import { connectedBy, planOff, refusalOf } from './plans.ts';
import { AUTHORITIES, BUNDLE, carriedOut, strangers, TRANSPORT, type TrustWorld, trustWorld } from './world.ts';

test('a node that lives on a renewed CA keeps it, the others do not', () => {
  const one = connectedBy(trustWorld());
  one.alsoBy.eu = ['ca-us'];
  nodeOf(one.made.local, 'eu-1').files['transport-ca.crt'] = { source: null, certificates: [] };
  const plan = planOff(one);
  expect(plan.steps.flatMap(({ target }) => (target.startsWith('eu-') ? [target] : []))).toEqual(['eu-2']);
  expect(plan.warnings).toEqual([expect.stringMatching(/^CN=ca-us stays in remora-transport-remote-cas\.crt/)]);
  expect(strangers(carriedOut(one, plan.steps))).toEqual([]);
});

test('a truststore does not come back where its place was taken by more than it held', () => {
  const one = connectedBy(trustWorld({}, { local: 'truststore' }));
  const edited = nodeOf(one.made.local, 'eu-1');
  // Somebody had the cluster trust a new CA by the file, and gave its nodes certificates of that.
  edited.files['remora-transport-found.crt'] = { source: null, certificates: ['ca-eu', 'ca-eu-2'] };
  const after = carriedOut(one, planOff(one).steps);
  const [kept, back] = ['eu-1', 'eu-2'].map((name) => nodeOf(after.made.local, name));
  expect(kept?.yml.values[AUTHORITIES]).toEqual(['remora-transport-found.crt']);
  expect(kept?.files['remora-transport-found.crt']?.certificates).toEqual(['ca-eu', 'ca-eu-2']);
  expect(back?.yml.values[`${TRANSPORT}.truststore.path`]).toBe('certs/transport.p12');
  expect(strangers(after)).toEqual([]);
});

test.each<[string, (one: TrustWorld) => void, RegExp]>([
  [
    'all agents of a cluster away, whose nodes would keep it unknown to anybody',
    ({ made }) => {
      for (const node of made.remote.nodes) node.agent = 'offline';
    },
    /agent of node us-1 \(cluster us\) is offline/,
  ],
  [
    'a port that nobody sees',
    ({ unseen }) => void unseen.push('us-2'),
    /By which CA the nodes of cluster us trust what node us-2 serves .* connection refused\. Mend that, or give --keep-trust/,
  ],
  [
    'a node that names nothing else by now',
    ({ made }) => {
      nodeOf(made.remote, 'us-1').yml.values[AUTHORITIES] = [BUNDLE];
    },
    /elasticsearch\.yml of node us-1 \(cluster us\) names remora-transport-remote-cas\.crt alone/,
  ],
])('is refused with %s', (_, change, message) => {
  for (const by of ['pem', 'truststore'] as const) {
    const one = connectedBy(trustWorld({}, { remote: by }));
    change(one);
    expect(refusalOf(() => planOff(one)).message).toMatch(message);
    expect(planOff(one, { keepTrust: true }).restarts).toEqual([]);
  }
});
