import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { describe, expect, test } from 'vitest';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { nodeOf, type World, world } from '../connect/world.ts';
import { carriedOut, factsIn, rollbackOf, takeBack } from './past-signing.ts';

/** A run after which a living connection is signed with certificates of another subject or CA is taken back, and nobody is kept out at any instant. */

const signed: Partial<ConnectRequest> = { certificateIdentity: 'CN=signer,O=x' };
const expectAsBefore = (now: World, before: World): void => {
  for (const side of ['local', 'remote'] as const)
    for (const { name, files } of before[side].nodes) expect(nodeOf(now[side], name).files).toEqual(files);
  expect([now.connections, now.cas, now.keys]).toEqual([before.connections, before.cas, before.keys]);
  expect(now.signers).toEqual(expect.arrayContaining(before.signers));
  expect(lines(planIn(now, request(signed)))).toEqual([]);
};

/** The file of CAs by which the remote node takes signatures. */
const trustOf = ({ remote }: World) => {
  const file = nodeOf(remote, 'us-1').files['remora-signing-cas.crt'];
  if (file === undefined) throw new Error('us-1 takes no signatures');
  return file;
};

const wishes: [string, ConnectRequest][] = [
  ['another subject', request({ certificateIdentity: 'CN=other' })],
  ['another CA', request({ ...signed, signingCa: 'new-ca' })],
  ['another subject and CA', request({ certificateIdentity: 'CN=other', signingCa: 'new-ca' })],
];

describe('a rollback of signing certificates that became others', () => {
  const before = connected(world({ remote: 1, local: 2 }), signed);

  test('has the key let in both and both CAs trusted before a node goes back, and proves each before the rest goes', () => {
    const plan = planIn(before, request({ certificateIdentity: 'CN=other', signingCa: 'new-ca' }));
    const back = rollbackOf(factsIn(plan, carriedOut(before, plan, plan.steps.length)));
    expect(lines(back)).toEqual([
      'demand-either api-key.identify us api',
      'files-us.1 node.change us-1 file',
      'trust-read signing-trust.verify us-1 none',
      'files-eu node.change eu-2 file',
      'files-eu node.change eu-1 file',
      'signers inventory.put-back coordinator none',
      'signed signing.verify eu-2 none',
      'signed signing.verify eu-1 none',
      'demand-earlier api-key.identify us api',
      'files-us node.change us-1 file',
      'prove connection.prove eu none',
      'end inventory.put-back coordinator none',
      'end run.rollback coordinator none',
    ]);
    expect(back.steps.flatMap((step) => (step.kind === 'api-key.identify' ? [step.input.identity] : []))).toEqual([
      '(?:CN=signer,O=x)|(?:CN=other)',
      'CN=signer,O=x',
    ]);
    expect(back.warnings).toEqual([]);
  });

  test('puts the alias back first, as ever, where the run changed that too', () => {
    const plan = planIn(before, request({ ...signed, signingCa: 'new-ca', skipUnavailable: false }));
    const back = rollbackOf(factsIn(plan, carriedOut(before, plan, plan.steps.length)));
    expect(lines(back).slice(0, 2)).toEqual([
      'settings cluster-settings.put eu api',
      'files-us.1 node.change us-1 file',
    ]);
  });

  test.each(wishes)('%s: from wherever it ended, the connection works at every instant', (_, wish) => {
    const plan = planIn(before, wish);
    for (let count = 1; count <= plan.steps.length; count += 1) {
      const past = carriedOut(before, plan, count);
      let { now } = past;
      for (const step of rollbackOf(factsIn(plan, past)).steps) {
        now = takeBack(now, past, step);
        expect(isConnected(now, 'us'), `${count} ${step.id}`).toBe(true);
      }
      expectAsBefore(now, before);
    }
  });

  test.each(wishes)('%s: also by a second rollback, where the first was cut off', (_, wish) => {
    const plan = planIn(before, wish);
    const past = carriedOut(before, plan, plan.steps.length);
    const { steps } = rollbackOf(factsIn(plan, past));
    for (let cut = 1; cut < steps.length; cut += 1) {
      let { now } = past;
      for (const step of steps.slice(0, cut)) now = takeBack(now, past, step);
      for (const step of rollbackOf(factsIn(plan, past, now)).steps) {
        now = takeBack(now, past, step);
        expect(isConnected(now, 'us'), `${cut} ${step.id}`).toBe(true);
      }
      expectAsBefore(now, before);
    }
  });

  test.each<[string, (now: World) => void, RegExp]>([
    [
      'somebody has the key demand something else since',
      (now) => {
        for (const key of now.keys) key.certificateIdentity = 'CN=other|CN=theirs';
      },
      /API key .* demands CN=other\|CN=theirs, .* would let no node in that signs with CN=signer,O=x again/,
    ],
    [
      'somebody took the earlier CA out since',
      (now) => Object.assign(trustOf(now), { source: null, certificates: ['fingerprint of new-ca', 'theirs'] }),
      /remora-signing-cas\.crt of node us-1 .* holds CA eu-signing not, by which nodes would sign again/,
    ],
    [
      'somebody removed the earlier CA since',
      (now) => {
        now.cas = now.cas.filter(({ name }) => name !== 'eu-signing');
      },
      /CA eu-signing, by which nodes would sign again, was removed since: import it again/,
    ],
  ])('is refused where %s, by which no node would be let in', (_, change, message) => {
    const plan = planIn(before, request({ certificateIdentity: 'CN=other', signingCa: 'new-ca' }));
    const past = carriedOut(before, plan);
    change(past.now);
    expect(() => rollbackOf(factsIn(plan, past))).toThrow(message);
  });

  test('is made where somebody has the key let both in since, and goes on trusting a CA beside', () => {
    const plan = planIn(before, request({ certificateIdentity: 'CN=other', signingCa: 'new-ca' }));
    const past = carriedOut(before, plan);
    for (const key of past.now.keys) key.certificateIdentity = 'CN=.*';
    trustOf(past.now).certificates.push('fingerprint of eu-signing', 'theirs');
    let { now } = past;
    for (const step of rollbackOf(factsIn(plan, past)).steps) {
      now = takeBack(now, past, step);
      expect(isConnected(now, 'us'), step.id).toBe(true);
    }
  });

  test('is refused where the earlier certificates have ended by then', () => {
    const old = structuredClone(before);
    for (const one of old.signers) Object.assign(one.facts, { notAfter: '2026-03-01T12:30:00.000Z' });
    const plan = planIn(old, request({ certificateIdentity: 'CN=other' }));
    expect(() => rollbackOf(factsIn(plan, carriedOut(old, plan, plan.steps.length)))).toThrow(
      'would sign again for us has ended at 2026-03-01T12:30:00.000Z: nobody would let it in',
    );
  });
});
