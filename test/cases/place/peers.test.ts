import type { RemoraError } from '@remora/shared/errors.ts';
import { expect, test } from 'vitest';
import { bareSerial } from '../../../coordinator/src/plan/certificates/serial.ts';
import { isByCertificate } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { PlaceFacts } from '../../../coordinator/src/plan/place/facts.ts';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { certificateFacts, factsOf, request, sha256 } from '../connect/facts.ts';
import { stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { connectedBy, planOff, planOn } from '../connect-certificate/plans.ts';
import {
  AUTHORITIES,
  BUNDLE,
  carriedOut,
  TRANSPORT,
  type TrustWorld,
  transportFacts,
  trustWorld,
} from '../connect-certificate/world.ts';
import { done } from '../rollback/connected.ts';
import { planWith, rollbackFacts, wish } from './plans.ts';
import { placeFacts, type TransportWorld, transportWorld } from './world.ts';

const NEW = 'fingerprint of a';

/** The CA as PEM, in the model of whoever is connected. */
const withPem = (one: TransportWorld): TransportWorld => {
  const [a, ...others] = one.cas;
  if (a === undefined) throw new Error('there is no CA a');
  const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(NEW).toString('base64')}\n-----END CERTIFICATE-----\n`;
  one.cas = [{ ...a, certificatePem: pem }, ...others];
  return one;
};

/** The cluster `us`, to which nodes of `eu` connect by certificates. */
const factsWith = (peers: TrustWorld): PlaceFacts => {
  const facts = transportFacts(peers, factsOf(peers.made, request()).local);
  return {
    ...placeFacts(withPem(transportWorld('pem'))),
    peers: [{ facts, connections: peers.records.filter(isByCertificate) }],
  };
};

const planFor = (peers: TrustWorld, facts = factsWith(peers)): StoredPlan =>
  planWith(transportWorld('pem'), wish(), facts);

const ofPeers = ({ steps }: StoredPlan): AnyStep[] =>
  steps.filter(({ stage, kind }) => stage.startsWith('peers-') && kind !== 'peer-trust.verify');

const trusted = (one: TrustWorld): (readonly string[] | undefined)[] =>
  one.made.local.nodes.map(({ files }) => files[BUNDLE]?.certificates);

const refusal = (plan: () => unknown): string => {
  try {
    plan();
  } catch (error) {
    return [(error as RemoraError).message, ...((error as RemoraError).findings ?? [])].join('\n');
  }
  throw new Error('it was not refused');
};

test('nodes that are connected by certificates trust the CA first, by the file that they have: none of them restarts', () => {
  const peers = connectedBy(trustWorld());
  const plan = planFor(peers);
  expect(plan.clusters).toEqual(['us', 'eu']);
  expect(plan.stages.slice(0, 4).map(({ id }) => id)).toEqual([
    ...['peers-record', 'peers-files', 'peers-verify', 'trust-roll'],
  ]);
  expect(plan.restarts.filter((node) => node.startsWith('eu-'))).toEqual([]);
  const after = carriedOut(peers, ofPeers(plan));
  expect(trusted(after)).toEqual([
    ['ca-us', NEW],
    ['ca-us', NEW],
  ]);
  expect(ofPeers(planFor(after))).toEqual([]);
  expect(planOn(after).steps).toEqual([]);
});

test('what it took goes with the connection, and elsewhere its nodes are as before', () => {
  const before = trustWorld();
  const after = carriedOut(connectedBy(before), ofPeers(planFor(connectedBy(before))));
  const gone = carriedOut(after, planOff(after).steps);
  expect(trusted(gone)).toEqual([undefined, undefined]);
  expect(gone.made.local.nodes.map(({ yml }) => yml.values)).toEqual(
    before.made.local.nodes.map(({ yml }) => yml.values),
  );
});

test('where both had one CA nothing names that file yet: nodes restart for it, and what stood there before is on record', () => {
  const peers = connectedBy(trustWorld({ local: 'theirs', remote: 'theirs' }));
  const plan = planFor(peers);
  expect(plan.restarts.slice(0, 2)).toEqual(['eu-2', 'eu-1']);
  const after = carriedOut(peers, ofPeers(plan));
  expect(nodeOf(after.made.local, 'eu-1').yml.values[AUTHORITIES]).toEqual(['transport-ca.crt', BUNDLE]);
  const gone = carriedOut(after, planOff(after).steps);
  expect(nodeOf(gone.made.local, 'eu-1').yml.values[AUTHORITIES]).toEqual(['transport-ca.crt']);
});

test('nodes that hold the CA already, in a file of others, are asked and not changed', () => {
  const peers = connectedBy(trustWorld());
  for (const node of peers.made.local.nodes) node.files['transport-ca.crt']?.certificates.push(NEW);
  const plan = planFor(peers);
  expect(plan.stages[0]?.id).toBe('peers-verify');
  expect(trusted(carriedOut(peers, ofPeers(plan)))).toEqual([['ca-us'], ['ca-us']]);
});

test.each(['truststore', 'keystore'] as const)(
  'nodes that hold the CA already in a %s, beside one that no port sends, are asked for it there and not changed',
  (by) => {
    const peers = connectedBy(trustWorld());
    for (const { yml } of peers.made.local.nodes) {
      delete yml.values[AUTHORITIES];
      yml.values[`${TRANSPORT}.${by}.path`] = 'certs/own.p12';
    }
    const facts = factsWith(peers);
    const ca = facts.cas[0]?.facts ?? certificateFacts('none', 0, 0);
    const held = [
      { ...ca, serial: bareSerial(ca.serial) },
      { subject: 'CN=Other', issuer: '', serial: 'ab', notAfter: '' },
    ];
    const stores = new Map(peers.made.local.nodes.map(({ name }) => [name, held]));
    const plan = planFor(peers, {
      ...facts,
      peers: facts.peers.map((one) => ({ ...one, facts: { ...one.facts, stores } })),
    });
    expect([ofPeers(plan), stepOf(plan, 'peer-trust.verify').input.paths]).toEqual([[], ['certs/own.p12', BUNDLE]]);
  },
);

test('taken back, they trust the CA until no node of the cluster serves a certificate of it', () => {
  const peers = connectedBy(trustWorld());
  const one = transportWorld('pem');
  const plan = planFor(peers);
  const facts = rollbackFacts(one, plan, plan.steps.length, []);
  const eu = factsOf(peers.made, request()).local;
  const [backup] = [...facts.backups.values()];
  const backups = new Map([...facts.backups, ...eu.nodes.map(({ name }) => [`eu/${name}`, backup] as const)]);
  const clusters = new Map([...facts.clusters, ['eu', eu] as const]);
  const before = new Map(facts.run.steps);
  for (const step of plan.steps)
    if (step.kind === 'connection.record') before.set(step.id, done({ kept: { before: peers.records[0] } }));
  const back = planRollback(
    { run: 'run-1' },
    { ...facts, run: { ...facts.run, steps: before }, clusters, backups: backups as typeof facts.backups },
    { planId: 'p', now: new Date(one.made.nowMs).toISOString(), hash: sha256 },
  );
  const changed = back.steps.flatMap((step) => (step.kind === 'node.change' ? [step.input.cluster] : []));
  expect([changed[0], [...new Set(changed)]]).toEqual(['us', ['us', 'eu']]);
});

test.each<[string, (one: TrustWorld) => void, RegExp]>([
  [
    'an agent that is away: that node would be cut off',
    ({ made }) => {
      nodeOf(made.local, 'eu-2').agent = 'offline';
    },
    /agent of node eu-2 \(cluster eu\) is offline/,
  ],
  [
    'a node that goes by names which the new certificates do not have',
    ({ made }) => {
      nodeOf(made.local, 'eu-1').yml.values[`${TRANSPORT}.trust_restrictions.path`] = 'trust.yml';
      nodeOf(made.local, 'eu-1').files['trust.yml'] = { source: null, certificates: [], trustedNames: ['*.other'] };
    },
    /node eu-1 \(cluster eu\) trusts by .*trust\.yml.*lets in \*\.other, and the certificate for us-\d would have no such name/,
  ],
])('is refused with %s', (_, bend, sentence) => {
  const peers = connectedBy(trustWorld());
  bend(peers);
  expect(refusal(() => planFor(peers))).toMatch(sentence);
});

test('a deployment in Elastic Cloud that is trusted has to trust the CA too: the plan says by which command', () => {
  const peers = connectedBy(trustWorld());
  const trust = { cluster: 'us', cloud: 'acme', deployment: 'd1', pattern: '*', authorities: [] };
  expect(planFor(peers, { ...factsWith(peers), deploymentTrusts: [trust] }).warnings).toContainEqual(
    expect.stringContaining('`remora clouds trust acme d1 NAME --ca a`'),
  );
});
