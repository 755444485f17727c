import type { RemoraError } from '@remora/shared/errors.ts';
import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StoredAuthority } from '../../../coordinator/src/plan/place/facts.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { asItIs, carryOut, nodes, placed, planIn, planWith, wish } from './plans.ts';
import { caOf, HTTP, placeFacts, TRANSPORT, type TransportWorld, transportWorld } from './world.ts';

describe('transport', () => {
  test('trust goes everywhere first, then one node is placed and proven, then the others; the elected master last', () => {
    const plan = planIn(transportWorld('pem'));
    expect(lines(plan)).toEqual([
      ...nodes.map((node) => `trust-roll node.change ${node} restart`),
      ...['us-1', 'us-2', 'us-3'].map((node) => `trust-verify peer-trust.verify ${node} none`),
      ...nodes.map((node) => `issue certificate.issue ${node} none`),
      ...['first-roll node.change us-2 restart', 'first-verify certificate.verify us-2 none'],
      ...['us-3', 'us-1'].map((node) => `roll node.change ${node} restart`),
      ...['us-3', 'us-1'].map((node) => `verify certificate.verify ${node} none`),
    ]);
    expect(plan.restarts).toEqual([...nodes, ...nodes]);
    expect(plan.warnings.join()).toContain('Clusters that connect to the transport ports of us by certificates');
  });

  test('keeps the CA files that elasticsearch.yml names, and takes out what Elasticsearch does not take beside a keystore', () => {
    const one = placed();
    const { values } = nodeOf(one.made.remote, 'us-1').yml;
    expect(values[`${TRANSPORT}.certificate_authorities`]).toEqual(['transport-ca.crt', 'remora-transport-cas.crt']);
    expect(values).toMatchObject({ [`${TRANSPORT}.keystore.path`]: 'remora-transport.p12' });
    expect(values).not.toHaveProperty([`${TRANSPORT}.certificate`]);
    expect(planIn(one).steps).toEqual([]);
  });

  test('in the place of a truststore stand the CAs of what the nodes serve, as PEM', () => {
    const one = placed('truststore');
    const { values } = nodeOf(one.made.remote, 'us-1').yml;
    expect(values[`${TRANSPORT}.certificate_authorities`]).toEqual([
      ...['remora-transport-found.crt', 'remora-transport-cas.crt'],
    ]);
    expect(values).not.toHaveProperty([`${TRANSPORT}.truststore.path`]);
    expect(planIn(one).steps).toEqual([]);
  });

  test('another CA later needs no restart, and the one before stays trusted', () => {
    const one = placed();
    const plan = planIn(one, wish({ ca: 'b' }));
    expect(plan.restarts).toEqual([]);
    expect(plan.stages.map(({ id }) => id)).toEqual([
      ...['trust-files', 'trust-verify', 'issue', 'first-files', 'first-verify', 'files', 'verify'],
    ]);
    carryOut(one, plan.steps, () => false);
    expect(planIn(one, wish({ ca: 'b' })).steps).toEqual([]);
  });

  test('a CA that stands in a named file already needs no file of Remora, and one roll', () => {
    const one = transportWorld('pem');
    for (const node of one.made.remote.nodes) {
      const file = node.files['transport-ca.crt'];
      file?.certificates.push('fingerprint of a');
    }
    const plan = planIn(one);
    expect(plan.restarts).toEqual(nodes);
    carryOut(one, plan.steps);
    expect(nodeOf(one.made.remote, 'us-1').files).not.toHaveProperty(['remora-transport-cas.crt']);
  });

  test('a node that joins the others later gets the same trust and a certificate', () => {
    const one = placed();
    const late = nodeOf(one.made.remote, 'us-3');
    for (const path of ['remora-transport-cas.crt', 'remora-transport.p12']) delete late.files[path];
    Object.assign(late.yml.values, {
      [`${TRANSPORT}.certificate_authorities`]: ['transport-ca.crt'],
      [`${TRANSPORT}.certificate`]: 'transport.crt',
    });
    delete late.yml.values[`${TRANSPORT}.keystore.path`];
    expect(planIn(one).restarts).toEqual(['us-3', 'us-3']);
  });

  test('all other nodes try the first, and one each of the rest', () => {
    const tried = planIn(transportWorld('pem')).steps.flatMap((step) =>
      step.kind === 'certificate.verify' ? [step.input.trustedBy.map(({ node }) => node)] : [],
    );
    expect(tried).toEqual([['us-1', 'us-3'], ['us-2'], ['us-2']]);
    const { trustedBy } = stepOf(planIn(transportWorld('pem')), 'certificate.verify').input;
    expect(trustedBy[0]?.certificateAuthorities).toEqual(['transport-ca.crt', 'remora-transport-cas.crt']);
  });

  test('cut off anywhere, with files read at once or late: no node is a stranger to another, and the same command goes on', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('pem' as const, 'truststore' as const),
        fc.nat(40),
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        fc.boolean(),
        fc.constantFrom(wish, () => asItIs()),
        fc.constantFrom(wish, (more: Partial<PlaceRequest>) => asItIs(wish(more))),
        (by, cut, reads, isOther, first, second) => {
          const one = transportWorld(by);
          const isRead = (index: number): boolean => reads[index % reads.length] ?? true;
          carryOut(one, planIn(one, first()).steps.slice(0, cut), isRead);
          const asked = second({ ca: isOther ? 'b' : 'a' });
          carryOut(one, planIn(one, asked).steps, isRead);
          expect(planIn(one, asked).steps).toEqual([]);
          expect([...one.loaded.values()].map(({ serves }) => serves)).toEqual(Array(3).fill(asked.ca));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('cut off between a PEM pair and its proof, the same command proves it', () => {
    const one = transportWorld('pem');
    const plan = planIn(one, asItIs());
    const placed = plan.steps.findIndex(({ stage }) => stage === 'first-files') + 1;
    carryOut(one, plan.steps.slice(0, placed), () => false);
    expect(lines(planIn(one, asItIs()))).toContain('first-verify certificate.verify us-2 none');
  });
});

describe('HTTP', () => {
  test('the agents and the coordinator trust the CA before any node serves a certificate of it', () => {
    const plan = planIn(transportWorld('pem'), wish({ purpose: 'http' }));
    expect(lines(plan).slice(0, 4)).toEqual([
      ...nodes.map((node) => `trust-files node.change ${node} file`),
      'trust-files cluster.trust coordinator none',
    ]);
    expect(stepOf(plan, 'cluster.trust').input.caPem).toBe('PEM of their HTTPS CA\nPEM of a\n');
    expect(plan.warnings.join()).toContain('all other clients of cluster us must trust CA a before');
    expect(plan.restarts).toEqual(nodes);
  });

  test('covers loopback for the agent, and what stands before the nodes', () => {
    const { input } = stepOf(
      planIn(transportWorld('pem'), wish({ purpose: 'http', sans: ['*.us.example.com'] })),
      'certificate.issue',
    );
    expect(input.dns).toEqual(expect.arrayContaining(['localhost', 'us.example.com', '*.us.example.com', input.node]));
    expect(input.ip).toEqual(expect.arrayContaining(['127.0.0.1', '::1']));
  });

  test('of one node leaves the others', () => {
    const plan = planIn(transportWorld('pem'), wish({ purpose: 'http', node: 'us-3' }));
    expect(plan.restarts).toEqual(['us-3']);
  });
});

describe('is refused', () => {
  test.each<[string, PlaceRequest, (one: TransportWorld) => void, RegExp]>([
    ['a CA that is not known', wish({ ca: 'c' }), () => {}, /There is no CA "c"/],
    [
      'a CA without its key',
      wish(),
      (one) => {
        one.cas = [caOf('a', one.made.nowMs, { key: null })];
      },
      /The key of CA a is not here/,
    ],
    [
      'a CA that has ended',
      wish(),
      (one) => {
        one.made.nowMs += 3700 * 86_400_000;
      },
      /CA a ended at/,
    ],
    ['a node that is not there', wish({ node: 'us-9' }), () => {}, /Cluster us has no node "us-9"/],
    [
      'a port without TLS',
      wish({ purpose: 'http' }),
      (one) => {
        delete nodeOf(one.made.remote, 'us-1').yml.values[`${HTTP}.enabled`];
      },
      /does not say xpack\.security\.http\.ssl\.enabled: true/,
    ],
    [
      'trust by names',
      wish(),
      (one) => {
        nodeOf(one.made.remote, 'us-1').yml.values[`${TRANSPORT}.trust_restrictions.path`] = 'trust.yml';
      },
      /trusts by xpack\.security\.transport\.ssl\.trust_restrictions\.path \(trust\.yml\)/,
    ],
    [
      'an agent that is away, of a node that is not named: it would not trust the new certificate',
      wish({ node: 'us-1' }),
      (one) => {
        nodeOf(one.made.remote, 'us-3').agent = 'offline';
      },
      /The agent of node us-3 \(cluster us\) is offline/,
    ],
    [
      'a certificate of somebody else in the bundle',
      wish(),
      (one) => {
        nodeOf(one.made.remote, 'us-1').files['remora-transport-cas.crt'] = { source: null, certificates: ['strange'] };
      },
      /remora-transport-cas\.crt of node us-1 \(cluster us\) holds a certificate that Remora does not know/,
    ],
  ])('%s', (_, asked, bend, sentence) => {
    const one = transportWorld('pem');
    bend(one);
    expect(() => planIn(one, asked)).toThrow(sentence);
  });

  test('a truststore, where it is not known which CA signed what is served', () => {
    const one = transportWorld('truststore');
    const facts = placeFacts(one);
    const ports = new Map([...facts.ports].map(([node, port]) => [node, { ...port, issuers: [] }]));
    expect(() => planWith(one, wish(), { ...facts, ports })).toThrow(/nodes trust it by a truststore/);
  });

  test('a truststore with a CA that no port sends: it would be lost', () => {
    const one = transportWorld('truststore');
    const facts = placeFacts(one);
    const stores = new Map(facts.stores).set('us-2', [
      ...((facts.stores.get('us-2') ?? []) as StoredAuthority[]),
      { subject: 'CN=Monitoring', issuer: '', serial: 'ab12', notAfter: '2031-01-01T00:00:00.000Z' },
    ]);
    expect(() => planWith(one, wish(), { ...facts, stores })).toThrow(
      /^node us-2 \(cluster us\) trusts CA CN=Monitoring \(serial ab12\) by its truststore/,
    );
  });

  test('a truststore that could not be read', () => {
    const one = transportWorld('truststore');
    const facts = placeFacts(one);
    const stores = new Map(facts.stores).set('us-2', 'GET /_ssl/certificates answered 403');
    expect(() => planWith(one, wish(), { ...facts, stores })).toThrow(
      /is not known: GET \/_ssl\/certificates answered 403/,
    );
  });

  test('what a port sends and no truststore holds is not trusted afterwards', () => {
    const one = transportWorld('truststore');
    const facts = placeFacts(one);
    const [port] = facts.ports.values();
    const [theirs] = port?.issuers ?? [];
    if (!port || !theirs) throw new Error('no port');
    const strange = { pem: 'PEM of strange', facts: { ...theirs.facts, fingerprint256: 'strange', serial: 'ff' } };
    const ports = new Map(
      [...facts.ports].map(([node, its]) => [node, { ...its, issuers: [...its.issuers, strange] }]),
    );
    const plan = planWith(one, wish(), { ...facts, ports });
    const written = stepOf(plan, 'node.change').input.operations.flatMap((call) =>
      call.name === 'files' ? call.input.write : [],
    );
    const found = written.find(({ path }) => path === 'remora-transport-found.crt')?.content;
    expect(Buffer.from(String(found), 'base64').toString()).toBe('PEM of theirs\n');
  });

  test('HTTP where the coordinator goes by the CAs of its system', () => {
    const one = transportWorld('pem');
    const asked = wish({ purpose: 'http' });
    let refusal: RemoraError | undefined;
    try {
      planWith(one, asked, { ...placeFacts(one, 'http'), trusted: null });
    } catch (error) {
      refusal = error as RemoraError;
    }
    expect(refusal?.message).toMatch(/^The coordinator reaches cluster us by the CAs of its own system/);
  });
});
