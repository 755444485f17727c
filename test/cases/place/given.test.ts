import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { isIp } from '@remora/shared/model/values/address.ts';
import { describe, expect, test } from 'vitest';
import type { PlaceFacts } from '../../../coordinator/src/plan/place/facts.ts';
import type { SigningRequestRecord } from '../../../coordinator/src/plan/records.ts';
import { certificateFacts } from '../connect/facts.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { asItIs, carryOut, planIn, planWith, wish } from './plans.ts';
import { caOf, placeFacts, type TransportWorld, transportWorld } from './world.ts';

describe('certificates that were signed elsewhere', () => {
  const signed = (
    one: TransportWorld,
    name: string,
    sans: readonly string[],
    more: Partial<SigningRequestRecord> = {},
  ) => {
    const facts = certificateFacts(`given for ${name}`, one.made.nowMs, one.made.nowMs + 90 * 86_400_000);
    one.signed.push({
      ...{ id: `id-${one.signed.length + 1}`, name, ca: 'a', purpose: 'transport', commonName: name, sans },
      ...{ key: 'secret:signing-request/x/key@1', requestedAt: new Date(one.made.nowMs).toISOString() },
      acceptedAt: new Date(one.made.nowMs).toISOString(),
      signed: { certificatePem: '', chainPem: [], facts: { ...facts, sans: [...sans] } },
      ...more,
    });
  };
  const hosts = ['us-1', 'us-2', 'us-3'];
  /** One for each node, by a CA whose key is elsewhere. */
  const given = (): TransportWorld => {
    const one = transportWorld('pem');
    one.cas = [caOf('a', one.made.nowMs, { key: null })];
    for (const name of hosts) {
      const { transportHost } = nodeOf(one.made.remote, name);
      signed(one, name, [`DNS:${name}`, `${isIp(transportHost) ? 'IP' : 'DNS'}:${transportHost}`]);
    }
    return one;
  };
  const asked = (more: Partial<PlaceRequest> = {}): PlaceRequest => asItIs(wish({ given: [], ...more }));

  test('are placed by the same plan, by the name of their node, each proven by its fingerprint', () => {
    const one = given();
    const plan = planIn(one, asked());
    expect(plan.stages.map(({ id }) => id)).toEqual([
      ...['trust-roll', 'trust-verify', 'issue', 'first-files', 'first-verify', 'files', 'verify'],
    ]);
    const { input, diff } = stepOf(plan, 'certificate.issue', 'us-2');
    expect(input).toMatchObject({
      given: { request: 'id-2', fingerprint256: 'given for us-2' },
      ...{ validityMs: 90 * 86_400_000, path: 'transport.crt', key: { path: 'transport.key' } },
    });
    expect(diff).toContain('+   SHA-256 given for us-2');
    carryOut(one, plan.steps);
    expect(planIn(one, asked()).steps).toEqual([]);
    // A newer one of a node alone.
    one.made.nowMs += 1000;
    signed(one, 'us-3', one.signed[2]?.sans ?? []);
    one.signed = one.signed.map((it) =>
      it.id === 'id-4' && it.signed
        ? { ...it, signed: { ...it.signed, facts: { ...it.signed.facts, fingerprint256: 'newer' } } }
        : it,
    );
    expect(lines(planIn(one, asked())).filter((line) => !line.startsWith('trust'))).toEqual([
      'issue certificate.issue us-3 none',
      'first-files node.change us-3 file',
      'first-verify certificate.verify us-3 none',
    ]);
    const older = planIn(one, asked({ given: ['id-3'], node: 'us-3' }));
    expect(older.steps).toEqual([]);
  });

  test('the same with another chain, which is on record under another id, takes its place', () => {
    const one = given();
    carryOut(one, planIn(one, asked()).steps);
    const before = stepOf(planIn(given(), asked()), 'certificate.issue', 'us-3').input.given;
    signed(one, 'us-3', one.signed[2]?.sans ?? []);
    const { input } = stepOf(planIn(one, asked({ given: ['id-4'], node: 'us-3' })), 'certificate.issue', 'us-3');
    expect(input.given).toEqual({ ...before, request: 'id-4' });
    expect(planIn(one, asked({ given: ['id-3'], node: 'us-3' })).steps).toEqual([]);
  });

  test('only those that were accepted are found by their names alone; of older releases those that were asked for', () => {
    const one = given();
    carryOut(one, planIn(one, asked()).steps);
    one.made.nowMs += 1000;
    const { acceptedAt: _, ...byHand } = one.signed[2] ?? {};
    const later = { ...byHand, id: 'id-4', requestedAt: new Date(one.made.nowMs).toISOString() };
    one.signed.push(later as SigningRequestRecord);
    expect(planIn(one, asked()).steps).toEqual([]);
    one.signed[3] = { ...later, csr: 'PEM' } as SigningRequestRecord;
    expect(stepOf(planIn(one, asked()), 'certificate.issue').input.given?.request).toBe('id-4');
  });

  test('the one that was accepted last is the newest, whenever it was asked for', () => {
    const one = given();
    const later = new Date(one.made.nowMs + 1000).toISOString();
    signed(one, 'us-3', one.signed[2]?.sans ?? [], { acceptedAt: later, requestedAt: '2026-01-01T00:00:00.000Z' });
    expect(stepOf(planIn(one, asked()), 'certificate.issue', 'us-3').input.given?.request).toBe('id-4');
  });

  test('by their names alone not where another cluster has a node of the same name', () => {
    const one = given();
    const facts = { ...placeFacts(one), otherNodes: [{ cluster: 'eu', node: 'us-2' }] };
    expect(() => planWith(one, asked(), facts)).toThrow(
      /^Cluster eu has a node us-2 too, .* `remora certs accept FILE --out DIR`, and place it with --files DIR\.$/,
    );
    expect(planWith(one, asked({ given: ['id-1', 'id-2', 'id-3'] }), facts).steps.length).toBeGreaterThan(0);
  });

  test('as PKCS#12 where that is asked for', () => {
    const { input } = stepOf(planIn(given(), wish({ given: [] })), 'certificate.issue', 'us-2');
    expect(input).toMatchObject({ path: 'remora-transport.p12', given: { request: 'id-2' } });
    expect(input.key).toBeUndefined();
  });

  test.each<[string, RegExp, (one: TransportWorld) => Partial<PlaceRequest>]>([
    [
      'where a node has none',
      /There is no certificate of CA a for the transport port of node us-3 \(cluster us\): it is found by its name, us-3/,
      (one) => {
        one.signed.pop();
        return {};
      },
    ],
    [
      'where it is of another CA or for another port',
      /There is no certificate of CA a for the transport port of node us-1 .* \(and 1 more\)/,
      (one) => {
        one.signed = one.signed.map((it, index) =>
          index === 0 ? { ...it, ca: 'b' } : index === 1 ? { ...it, purpose: 'http' } : it,
        );
        return {};
      },
    ],
    [
      'where it is for another node',
      /The certificate for node us-3 \(cluster us\) is not placed: it names DNS:us-9, and none of what the node is known by \(/,
      (one) => {
        one.signed.pop();
        signed(one, 'us-3', ['DNS:us-9']);
        return {};
      },
    ],
    [
      'where nodes hold each other to an address that it does not cover',
      /it names DNS:us-3, and not .*, to which nodes with verification_mode full hold it/,
      (one) => {
        one.signed.pop();
        signed(one, 'us-3', ['DNS:us-3']);
        return {};
      },
    ],
    [
      'where it has ended',
      /is not placed: it ended at .* \(and 2 more\)/,
      (one) => {
        one.made.nowMs += 91 * 86_400_000;
        return {};
      },
    ],
    [
      'where one is for no node that is meant',
      /There is a certificate for "us-2", which is no node of cluster us that is meant \(--node us-1\)/,
      () => ({ node: 'us-1', given: ['id-1', 'id-2'] }),
    ],
    [
      'where it is named and is for another port',
      /"id-1" is a certificate of CA a for "us-1" \(http\), and not one of CA a for transport\. \(and 1 more\)/,
      (one) => {
        one.signed = one.signed.map((it) => (it.id === 'id-1' ? { ...it, purpose: 'http' } : it));
        return { given: ['id-1', 'id-2', 'id-3'] };
      },
    ],
    [
      'where it is named and is of another CA',
      /"id-3" is a certificate of CA b for "us-3" \(transport\), and not one of CA a for transport\./,
      (one) => {
        one.signed = one.signed.map((it) => (it.id === 'id-3' ? { ...it, ca: 'b' } : it));
        return { given: ['id-1', 'id-2', 'id-3'] };
      },
    ],
    [
      'where it is not on record',
      /There is no signed certificate "id-9"/,
      () => ({ given: ['id-1', 'id-2', 'id-3', 'id-9'] }),
    ],
  ])('refused: %s', (_, sentence, bend) => {
    const one = given();
    const more = bend(one);
    expect(() => planIn(one, asked(more))).toThrow(sentence);
  });

  test('for HTTP have to cover what the coordinator and the agent ask by, as far as it is covered now', () => {
    const one = transportWorld('pem');
    one.cas = [caOf('a', one.made.nowMs, { key: null })];
    signed(one, 'us-1', ['DNS:us-1', 'DNS:*.example.com'], { purpose: 'http' });
    const request = asked({ purpose: 'http', node: 'us-1' });
    const facts = placeFacts(one, 'http');
    const serving = (sans: string[], urlHosts: string[]): PlaceFacts => ({
      ...facts,
      urlHosts,
      ports: new Map([...facts.ports].map(([node, port]) => [node, { ...port, sans }])),
    });
    expect(() => planWith(one, request, serving([], ['us.example.net']))).toThrow(
      /it names DNS:us-1, DNS:\*\.example\.com, and not us\.example\.net, by which the coordinator asks the node/,
    );
    expect(() => planWith(one, request, serving(['DNS:localhost'], ['us.example.com']))).toThrow(
      /and not localhost, by which the agent asks the node/,
    );
    // Not every name of the machine itself is one by which an agent asks.
    for (const sans of [['DNS:other'], ['IP:0:0:0:0:0:0:0:1']])
      expect(planWith(one, request, serving(sans, ['us.example.com'])).restarts).toEqual(['us-1']);
  });
});
