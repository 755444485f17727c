import { expect, test } from 'vitest';
import { type ConnectionRecord, isByCertificate } from '../../../coordinator/src/plan/connection/connection-records.ts';
import { asKeyConnection } from '../../../coordinator/src/plan/migrate/records.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, request } from '../connect/facts.ts';
import { lines } from '../connect/plans.ts';
import { connectedBy, planOff, refusalOf } from '../connect-certificate/plans.ts';
import {
  carriedOut,
  recordsOf,
  strangers,
  type TrustWorld,
  transportFacts,
  trustWorld,
} from '../connect-certificate/world.ts';
import { planOff as planKeyOff } from '../disconnect/plans.ts';
import { planTo } from './plans.ts';

/** What stands on the nodes of the remote cluster. */
const remoteTraces = ({ made }: TrustWorld): unknown =>
  made.remote.nodes.map(({ name, yml, keystore, files, running }) => ({
    ...{ name, yml: yml.values, entries: Object.keys(keystore.entries), files: Object.keys(files) },
    running: running.settings,
  }));

/** The same world once its local cluster is gone. */
const gone = (one: TrustWorld): TrustWorld => {
  const after = structuredClone(one);
  after.made.local = { ...after.made.local, nodes: [], persistent: {}, transient: {} };
  return after;
};

/** The plan of `disconnect eu us --local-gone`, of whichever kind the connection is by then. */
const planGone = (one: TrustWorld, wish: { readonly keepTrust?: true } = {}): StoredPlan => {
  const [record] = recordsOf(one);
  if (record === undefined) throw new Error('there is no connection');
  if (isByCertificate(record) && !record.migrating) return planOff(one, { localGone: true, ...wish });
  const connection = isByCertificate(record) ? asKeyConnection(record) : one.made.connections[0];
  if (connection === undefined) throw new Error('there is no connection by API key');
  const { remote } = factsOf(one.made, request());
  const others = one.records.filter(({ alias }) => alias !== connection.alias) as unknown as ConnectionRecord[];
  const made = { ...one.made, connections: [connection, ...others] };
  return planKeyOff(
    made,
    { localGone: true, ...wish },
    { transport: { remote: transportFacts(one, remote), deploymentTrusts: one.deploymentTrusts } },
  );
};

test('a connection by certificate whose local cluster is gone goes with the trust on the remote one', () => {
  const one = gone(connectedBy(trustWorld()));
  const plan = planGone(one);
  expect(lines(plan)).toEqual([
    'remote-roll node.change us-2 restart',
    'remote-roll node.change us-1 restart',
    'end inventory.put-back coordinator none',
  ]);
  expect(plan.warnings).toEqual([
    expect.stringMatching(
      /^Cluster eu is taken to be gone for good: .* remora-transport-remote-cas\.crt .* stay on its machines/,
    ),
    expect.stringMatching(/^What else is on record of eu is forgotten by `remora clusters remove eu`/),
  ]);
  const after = carriedOut(one, plan.steps);
  expect([recordsOf(after), strangers(after)]).toEqual([[], []]);
  expect(remoteTraces(after)).toEqual(remoteTraces(trustWorld()));
});

test('one that was brought to API keys, wherever that ended, goes with key, server and the trust that nobody could take off later', () => {
  const one = connectedBy(trustWorld());
  const { steps } = planTo(one);
  for (let done = 0; done <= steps.length; done += 1) {
    const cut = gone(carriedOut(one, steps.slice(0, done)));
    const after = carriedOut(cut, planGone(cut).steps);
    expect([done, recordsOf(after), strangers(after)]).toEqual([done, [], []]);
    expect([done, remoteTraces(after)]).toEqual([done, remoteTraces(trustWorld())]);
    expect(after.made.keys.filter(({ usable }) => usable)).toEqual([]);
  }
});

test('beside another connection by certificate the trust stays for that, which then puts back what stood there before', () => {
  const both = connectedBy(connectedBy(trustWorld()), { alias: 'second' });
  const one = gone(carriedOut(both, planTo(both).steps));
  const after = carriedOut(one, planGone(one).steps);
  expect(recordsOf(after)).toMatchObject([{ alias: 'second', found: expect.anything() }]);
  const last = carriedOut(after, planOff(after, { localGone: true, alias: 'second' }).steps);
  expect([recordsOf(last), strangers(last)]).toEqual([[], []]);
  expect(remoteTraces(last)).toEqual(remoteTraces(trustWorld()));
});

test('the trust stays where that is asked for', () => {
  const one = gone(carriedOut(connectedBy(trustWorld()), planTo(connectedBy(trustWorld())).steps));
  const plan = planGone(one, { keepTrust: true });
  expect(plan.stages.map(({ id }) => id)).toEqual(['api-key', 'remote-roll', 'end']);
  expect(plan.warnings).toContainEqual(expect.stringMatching(/go on trusting each other's transport CA/));
});

test('it is refused while an alias that Remora does not manage may live on that trust', () => {
  const one = gone(carriedOut(connectedBy(trustWorld()), planTo(connectedBy(trustWorld())).steps));
  one.made.remote.persistent['cluster.remote.theirs.seeds'] = ['10.0.2.1:9300'];
  expect(refusalOf(() => planGone(one)).message).toMatch(/Cluster us has the alias theirs, .* give --keep-trust/);
});
