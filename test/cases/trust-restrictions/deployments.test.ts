import type { RemoraError } from '@remora/shared/errors.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bareSerial } from '../../../coordinator/src/plan/certificates/serial.ts';
import type { AnyConnectionRecord } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { SentAuthority } from '../../../coordinator/src/plan/place/facts.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { letsIn, letsInStrangers } from '../../../coordinator/src/plan/trust/trusted-names.ts';
import { planDeploymentRemoval } from '../../../coordinator/src/plan/trust-restrictions/deployment-removal.ts';
import type { DeploymentAuthority } from '../../../coordinator/src/plan/trust-restrictions/facts.ts';
import { certificateFacts } from '../connect/facts.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { carryOut, nodes, planIn, wish } from '../place/plans.ts';
import { RESTRICTIONS, strangers, TRANSPORT, type TransportWorld, take, transportWorld } from '../place/world.ts';
import { CLOUD, contextOf, DEPLOYMENT, factsIn, OWN, removeIn, setIn, takenBack } from './plans.ts';

const BUNDLE = 'remora-transport-remote-cas.crt';
const AUTHORITIES = `${TRANSPORT}.certificate_authorities`;
const REGION = 'fingerprint of region';
/** Somebody else in the region. */
const STRANGER = 'n1.node.9z9z.cluster.999.account';

const authority = (name: string, endsAtMs = Date.UTC(2200, 0)): SentAuthority => ({
  facts: certificateFacts(`fingerprint of ${name}`, 0, endsAtMs),
  pem: `PEM of ${name}`,
});

const deployment = (more: Partial<DeploymentAuthority> = {}): DeploymentAuthority => ({
  ...{ cloud: 'acme', deployment: 'd1', pattern: DEPLOYMENT, authorities: [authority('region')] },
  ...more,
});

const named = (by: 'pem' | 'truststore' = 'pem'): TransportWorld => {
  const one = transportWorld(by);
  carryOut(one, planIn(one, wish({ cloud: CLOUD })).steps);
  one.restarts = [];
  return one;
};

/** Trust and names at once. */
const trustIn = (one: TransportWorld, more: Partial<DeploymentAuthority> = {}, allow: string[] = []): StoredPlan =>
  setIn(one, allow, factsIn(one, { deployments: [deployment(more)] }));

const distrustIn = (one: TransportWorld, connections: readonly AnyConnectionRecord[] = [], id = 'd1'): StoredPlan =>
  planDeploymentRemoval(
    { cluster: 'us', deployment: { cloud: 'acme', deployment: id } },
    factsIn(one, { connections }),
    contextOf(one),
  );

/** Nodes that let a stranger in, by what their processes have loaded. */
const open = ({ loaded }: TransportWorld): string[] =>
  [...loaded].flatMap(([name, { trusts, letsIn: patterns }]) =>
    trusts.includes(REGION) && (patterns === null || letsIn(patterns, [STRANGER])) ? [name] : [],
  );

/** Carries steps out; at no moment is a node a stranger to another one, or lets one of the region in. */
const carry = (one: TransportWorld, steps: readonly AnyStep[], isRead: (index: number) => boolean = () => true): void =>
  steps.forEach((step, index) => {
    take(one, step, isRead(index));
    expect([strangers(one), open(one)], `after ${step.id}`).toEqual([[], []]);
  });

const trusting = (by: 'pem' | 'truststore' = 'pem'): TransportWorld => {
  const one = named(by);
  carry(one, trustIn(one).steps);
  one.restarts = [];
  return one;
};

const trusts = (one: TransportWorld): boolean[] =>
  nodes.map((node) => one.loaded.get(node)?.trusts.includes(REGION) ?? false);
const everywhere = nodes.map(() => true);
const nowhere = nodes.map(() => false);
const refusal = (plan: () => unknown): string => {
  try {
    plan();
  } catch (error) {
    return [(error as RemoraError).message, ...((error as RemoraError).findings ?? [])].join('\n');
  }
  throw new Error('it was not refused');
};

describe('set --deployment', () => {
  test('names are proven, the trust is on record, and one restart brings restrictions and CA, node by node', () => {
    const one = named();
    const plan = trustIn(one);
    expect(lines(plan)).toEqual([
      ...['us-1', 'us-2', 'us-3'].map((node) => `names transport-name.verify ${node} none`),
      'record deployment-trust.record coordinator none',
      ...['first-roll node.change us-2 restart', 'first-verify transport-name.verify us-2 none'],
      ...['us-3', 'us-1'].map((node) => `roll node.change ${node} restart`),
      ...['us-3', 'us-1'].map((node) => `verify transport-name.verify ${node} none`),
      ...nodes.map((node) => `trust-verify peer-trust.verify ${node} none`),
    ]);
    expect(stepOf(plan, 'deployment-trust.record').diff).toBe(
      [
        '+ cluster us trusts deployment acme/d1',
        `+   named ${DEPLOYMENT}`,
        `+   by CA CN=${REGION}, SHA-256 ${REGION}`,
      ].join('\n'),
    );
    expect(plan.warnings[0]).toMatch(/remora clouds trust acme d1 NAME --ca CA/);
    carry(one, plan.steps);
    expect([trusts(one), trustIn(one).steps]).toEqual([everywhere, []]);
    expect(nodeOf(one.made.remote, 'us-1').yml.values[AUTHORITIES]).toEqual([
      ...['transport-ca.crt', 'remora-transport-cas.crt', BUNDLE],
    ]);
  });

  test('where names restrict trust already and the file of CAs is not named, it comes in a roll, after other patterns', () => {
    const one = named();
    carry(one, setIn(one, ['*.node.other.cluster.7.account']).steps);
    const plan = trustIn(one);
    expect(plan.stages.map(({ id }) => id)).toEqual([
      ...['names', 'record', 'files', 'verify', 'trust-roll', 'trust-verify'],
    ]);
    carry(one, plan.steps);
    expect([trusts(one), trustIn(one).steps]).toEqual([everywhere, []]);
  });

  test('where processes read that file already, a CA in it waits until the restrictions count', () => {
    const one = named();
    for (const node of one.made.remote.nodes) {
      node.files[BUNDLE] = { source: null, certificates: ['fingerprint of eu'] };
      node.yml.values[AUTHORITIES] = [...[node.yml.values[AUTHORITIES] ?? []].flat(), BUNDLE] as string[];
    }
    const plan = trustIn(one);
    expect(plan.stages.map(({ id }) => id)).toEqual([
      ...['names', 'record', 'first-roll', 'first-verify', 'roll', 'verify'],
      ...['trust-files', 'trust-verify'],
    ]);
    carry(one, plan.steps);
    expect(trusts(one)).toEqual(everywhere);
    expect(nodeOf(one.made.remote, 'us-1').files[BUNDLE]?.certificates).toEqual(
      expect.arrayContaining(['fingerprint of eu', REGION]),
    );
  });

  test('a CA that the deployment got in the place of another comes beside it, without a restart; one that has ended stays out', () => {
    const one = trusting();
    const authorities = [authority('region-2'), authority('ended', 1)];
    const plan = trustIn(one, { authorities });
    expect([plan.restarts, plan.stages.map(({ id }) => id)]).toEqual([
      [],
      ['names', 'record', 'trust-files', 'trust-verify'],
    ]);
    carry(one, plan.steps);
    expect(nodeOf(one.made.remote, 'us-1').files[BUNDLE]?.certificates.toSorted()).toEqual([
      ...[REGION, 'fingerprint of region-2'],
    ]);
    expect(one.deploymentTrusts.map((record) => record.authorities.map((ca) => ca.fingerprint256))).toEqual([
      [REGION, 'fingerprint of region-2'],
    ]);
  });

  test('cut off anywhere, with files read at once or late, nobody of the region gets in, and the same command goes on', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('pem' as const, 'truststore' as const),
        fc.nat(16),
        fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
        (by, cut, reads) => {
          const one = named(by);
          const { steps } = trustIn(one);
          carry(one, steps.slice(0, cut), (index) => reads[index % reads.length] ?? true);
          carry(one, trustIn(one).steps);
          expect([trusts(one), trustIn(one).steps]).toEqual([everywhere, []]);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each<[string, (one: TransportWorld) => unknown, RegExp]>([
    [
      'a pattern that lets strangers of the region in',
      (one) => trustIn(one, {}, ['*.node.*.cluster.*.account']),
      /--allow \*\.node\.\*\.cluster\.\*\.account lets in nodes of organizations .* acme\/d1 .* \.cluster\.ID\.account/,
    ],
    [
      'a deployment whose names are those of everybody',
      (one) => trustIn(one, { pattern: '*.account' }),
      /Elastic Cloud says that nodes of deployment acme\/d1 are named \*\.account, .*it is not trusted/,
    ],
    [
      'a deployment whose CAs have ended',
      (one) => trustIn(one, { authorities: [authority('ended', 1)] }),
      /tells no CA of deployment acme\/d1 that has not ended/,
    ],
    [
      'a truststore with a CA that no port sends: it would be lost',
      () => {
        const one = named();
        const facts = factsIn(one, { deployments: [deployment()] });
        for (const node of facts.cluster.nodes)
          if (node.agent.state === 'online') delete node.agent.facts.settingsFile.values[AUTHORITIES];
        const lost = { subject: 'CN=Monitoring', issuer: '', serial: 'ab12', notAfter: '' };
        const stores = new Map(facts.cluster.nodes.map(({ name }) => [name, [lost]]));
        return setIn(one, [], { ...facts, transport: { ...facts.transport, stores } });
      },
      /trusts CA CN=Monitoring \(serial ab12\) by its truststore/,
    ],
    ['nodes without names', () => trustIn(transportWorld('pem')), /has no name of the kind otherName/],
  ])('is refused with %s', (_, plan, sentence) => {
    expect(refusal(() => plan(named()))).toMatch(sentence);
  });

  test('a truststore that holds the CA already, beside one that no port sends, is left as it is', () => {
    const one = named('truststore');
    const facts = factsIn(one, { deployments: [deployment()] });
    for (const node of facts.cluster.nodes)
      if (node.agent.state === 'online') delete node.agent.facts.settingsFile.values[AUTHORITIES];
    const region = authority('region').facts;
    const lost = { subject: 'CN=Monitoring', issuer: '', serial: 'ab12', notAfter: '' };
    const held = [{ ...region, serial: bareSerial(region.serial) }, lost];
    const stores = new Map(facts.cluster.nodes.map(({ name }) => [name, held]));
    const plan = setIn(one, [], { ...facts, transport: { ...facts.transport, stores } });
    expect(
      plan.steps.flatMap(({ kind, diff }) => (kind === 'node.change' && diff.includes(BUNDLE) ? [diff] : [])),
    ).toEqual([]);
    expect(plan.restarts).toEqual(nodes);
  });

  test('whoever sets other patterns says that a trusted deployment stays, or takes it out first', () => {
    const one = trusting();
    expect(refusal(() => setIn(one, [DEPLOYMENT]))).toMatch(
      /acme\/d1, which would be let in no more: give --deployment acme\/d1 too, or .*remove us --deployment acme\/d1/,
    );
  });
});

describe('remove', () => {
  test('of restrictions is refused while a deployment is trusted', () => {
    expect(refusal(() => removeIn(trusting()))).toMatch(
      /without restrictions all of them would be let in\. .*trust-restrictions remove us --deployment acme\/d1/,
    );
  });

  test.each(['pem', 'truststore'] as const)(
    'of a deployment: the CA goes first, then its name; elasticsearch.yml is as before, and then the restrictions can go (%s)',
    (by) => {
      const before = named(by);
      const one = trusting(by);
      const plan = distrustIn(one);
      expect(plan.stages.map(({ id }) => id)).toEqual(['distrust-roll', 'distrust-verify', 'files', 'verify', 'end']);
      carry(one, plan.steps);
      expect([trusts(one), one.deploymentTrusts, distrustIn(one).steps]).toEqual([nowhere, [], []]);
      expect([...one.loaded.values()].map((loaded) => loaded.letsIn)).toEqual(nodes.map(() => [OWN]));
      carry(one, removeIn(one).steps);
      for (const node of nodes)
        expect(nodeOf(one.made.remote, node).yml.values).toEqual(nodeOf(before.made.remote, node).yml.values);
    },
  );

  test('of one of two deployments of a region: the CA stays with the other, which has then what stood there before', () => {
    const one = named();
    const other = { deployment: 'd2', pattern: '*.node.2c3d.cluster.1053523734.account' };
    const deployments = [deployment(), deployment(other)];
    carry(one, setIn(one, [], factsIn(one, { deployments })).steps);
    const plan = distrustIn(one);
    expect([plan.restarts, plan.stages.map(({ id }) => id)]).toEqual([[], ['files', 'verify', 'end']]);
    one.made.remote.persistent['cluster.remote.cloud.proxy_address'] = 'd1.example.com:9400';
    expect(distrustIn(one).warnings).toContainEqual(
      expect.stringMatching(/^The alias cloud of us connects without an API key, and may lead to deployment acme\/d1/),
    );
    one.made.remote.persistent = {};
    carry(one, plan.steps);
    expect(trusts(one)).toEqual(everywhere);
    carry(one, distrustIn(one, [], 'd2').steps);
    expect([trusts(one), nodeOf(one.made.remote, 'us-1').yml.values[AUTHORITIES]]).toEqual([
      nowhere,
      ['transport-ca.crt', 'remora-transport-cas.crt'],
    ]);
  });

  test('a connection by certificates that needs the file takes over what stood there before', () => {
    const one = trusting();
    for (const node of one.made.remote.nodes) node.files[BUNDLE]?.certificates.push('fingerprint of eu');
    const connection: AnyConnectionRecord = {
      ...{ local: 'eu', remote: 'us', alias: 'us', auth: 'certificate', mode: 'sniff', settings: [] },
      trusts: { local: [], remote: ['fingerprint of eu'] },
    };
    const plan = distrustIn(one, [connection]);
    expect(plan.restarts).toEqual([]);
    expect(stepOf(plan, 'connection.record').input.connection.found?.[0]?.settings[AUTHORITIES]?.before).toEqual([
      ...['transport-ca.crt', 'remora-transport-cas.crt'],
    ]);
    carry(one, plan.steps);
    expect(nodeOf(one.made.remote, 'us-1').files[BUNDLE]?.certificates).toEqual(['fingerprint of eu']);
  });

  test('cut off anywhere, the same command goes on', () => {
    for (let cut = 0; cut <= distrustIn(trusting()).steps.length; cut += 1) {
      const one = trusting();
      carry(one, distrustIn(one).steps.slice(0, cut));
      carry(one, distrustIn(one).steps);
      expect([trusts(one), one.deploymentTrusts]).toEqual([nowhere, []]);
    }
  });

  test('of one that is not trusted has nothing to do, and says which are', () => {
    const { steps, warnings } = distrustIn(trusting(), [], 'd7');
    expect([steps, warnings]).toEqual([
      [],
      ['By what is on record the nodes of us do not trust deployment acme/d7. They trust acme/d1.'],
    ]);
  });

  test('somebody took the restrictions out by hand: the CA goes all the same', () => {
    const one = trusting();
    for (const node of one.made.remote.nodes) delete node.yml.values[RESTRICTIONS];
    const plan = distrustIn(one);
    expect(plan.stages.map(({ id }) => id)).toEqual(['distrust-roll', 'end']);
  });

  test.each<[string, (one: TransportWorld) => void, RegExp]>([
    [
      'the CA in a file of others too',
      (one) => {
        nodeOf(one.made.remote, 'us-2').files['transport-ca.crt']?.certificates.push(REGION);
      },
      /node us-2 \(cluster us\) trusts .*, the CA of deployment acme\/d1, by transport-ca\.crt, .* which Remora did not write/,
    ],
    [
      'an alias without a key, which may live on the CA',
      ({ made }) => {
        made.remote.persistent['cluster.remote.cloud.proxy_address'] = 'd1.example.com:9400';
      },
      /has the alias cloud, .*: leave deployment acme\/d1 trusted, or remove that alias first/,
    ],
    [
      'an agent that is away',
      ({ made }) => {
        nodeOf(made.remote, 'us-3').agent = 'offline';
      },
      /agent of node us-3 \(cluster us\) is offline/,
    ],
  ])('is refused with %s', (_, bend, sentence) => {
    const one = trusting();
    bend(one);
    expect(refusal(() => distrustIn(one))).toMatch(sentence);
  });
});

test('taken back, however far the run got: the CA goes before the restrictions, and comes after them', () => {
  const ways = [
    [named, (one: TransportWorld) => trustIn(one)],
    [() => trusting(), (one: TransportWorld) => trustIn(one, { authorities: [authority('region-2')] })],
    [() => trusting(), (one: TransportWorld) => distrustIn(one)],
  ] as const;
  for (const [make, planOf] of ways) {
    const { steps } = planOf(make());
    const first = steps.findIndex(({ kind }) => kind === 'node.change') + 1;
    for (let until = first; until <= steps.length; until += 1) {
      const one = make();
      const [before, records] = [trusts(one), one.deploymentTrusts];
      const plan = planOf(one);
      carry(one, plan.steps.slice(0, until));
      carry(one, takenBack(one, plan, until, records).steps);
      expect([trusts(one), one.deploymentTrusts, nodeOf(one.made.remote, 'us-1').yml.values[AUTHORITIES]]).toEqual([
        ...[before, records, nodeOf(make().made.remote, 'us-1').yml.values[AUTHORITIES]],
      ]);
    }
  }
});

test('the CA of a region does not come back where somebody took the restrictions out by hand since', () => {
  const one = trusting();
  const [records, plan] = [one.deploymentTrusts, distrustIn(one)];
  carry(one, plan.steps);
  delete nodeOf(one.made.remote, 'us-2').yml.values[RESTRICTIONS];
  expect(refusal(() => takenBack(one, plan, plan.steps.length, records))).toMatch(
    /node us-2 of cluster us would trust the CA of a deployment .* everybody in the region would be let in/,
  );
});

test.each([
  ['*.node.0a1b.cluster.1053523734.account', false],
  ['*.node.*.cluster.83988631.account', false],
  ['n1.node.0a1b.cluster.1053523734.account', false],
  ['node*.example.com', false],
  ['*.node.0a1b.cluster.*.account', true],
  ['*.node.0a1b.cluster.105352373?.account', true],
  ['*.account', true],
  ['n*t', true],
  ['*7.account', true],
  ['n*', true],
])('the pattern %s lets in strangers of a region: %s', (pattern, isOpen) => {
  expect(letsInStrangers(pattern)).toBe(isOpen);
});
