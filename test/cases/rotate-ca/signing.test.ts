import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { nodeOf, type World, world } from '../connect/world.ts';
import { carriedOut, factsIn, rollbackOf, takeBack } from '../rollback/past-signing.ts';
import { planCa } from './plans.ts';

/** A CA by which requests are signed is replaced as any other: both are taken before anybody signs by the new one, and the old one goes once all do. */

const wish = { certificateIdentity: 'CN=signer,O=x' };
const rotate = { ca: 'eu-signing' };
const TRUST = 'remora-signing-cas.crt';
const nodes = ['eu-1', 'eu-2'];
const signed = (): World => connected(world({ remote: 1, local: 2 }), wish);
const taken = ({ remote }: World): (readonly string[] | undefined)[] =>
  remote.nodes.map(({ files }) => files[TRUST]?.certificates);

const whole = [
  'prepare ca.succession coordinator none',
  'prepare ca.create coordinator none',
  'trust-both node.change us-1 file',
  'prove-both signing-trust.verify us-1 none',
  ...nodes.map((node) => `issue signing-certificate.issue ${node} none`),
  'first node.change eu-1 file',
  'first signing.verify eu-1 none',
  'files node.change eu-2 file',
  'verify signing.verify eu-2 none',
  'cross connection.prove eu none',
  'record connection.record coordinator none',
  'trust-new node.change us-1 file',
  'prove-new signing-trust.verify us-1 none',
  'cross-again connection.prove eu none',
  'retire ca.succession coordinator none',
];

describe('a CA by which requests are signed is replaced', () => {
  test('in parts, each proven before the next, without a restart, and the key demands what it did', () => {
    const made = signed();
    const plan = planCa(made, rotate);
    expect(lines(plan)).toEqual(whole);
    expect([plan.restarts, plan.warnings, plan.clusters]).toEqual([[], [], ['eu', 'us']]);
    expect(stepOf(plan, 'ca.succession').input).toMatchObject({ successor: 'eu-signing-2', clusters: ['eu', 'us'] });
    const done = applySteps(made, plan.steps);
    expect(taken(done)).toEqual([['fingerprint of eu-signing-2']]);
    expect(done.signers.map(({ ca, subject }) => [ca, subject])).toEqual(
      nodes.map(() => ['eu-signing-2', 'CN=signer,O=x']),
    );
    expect(done.keys[0]?.certificateIdentity).toBe('CN=signer,O=x');
    expect(lines(planIn(done, request(wish)))).toEqual([]);
  });

  test('which also signs what the remote nodes serve: in the same run', () => {
    const made = connected(world({ remote: 1, local: 2 }), { ...wish, ca: 'one', signingCa: 'one' });
    const plan = planCa(made, { ca: 'one' });
    expect(new Set(plan.steps.map(({ id }) => id)).size).toBe(plan.steps.length);
    const done = applySteps(made, plan.steps);
    expect([isConnected(done, 'us'), done.connections[0]?.ca, done.connections[0]?.signing?.ca]).toEqual([
      true,
      'one-2',
      'one-2',
    ]);
    expect(lines(planIn(done, request(wish)))).toEqual([]);
  });

  test('for all connections that are signed by it, and those of other CAs keep theirs', () => {
    const second = connected(signed(), { ...wish, alias: 'second' });
    const made = connected(second, { ...wish, alias: 'third', signingCa: 'other' });
    const done = applySteps(made, planCa(made, rotate).steps);
    expect(done.connections.map(({ alias, signing }) => [alias, signing?.ca])).toEqual(
      expect.arrayContaining([
        ['us', 'eu-signing-2'],
        ['second', 'eu-signing-2'],
        ['third', 'other'],
      ]),
    );
    expect(taken(done)).toEqual([['fingerprint of eu-signing-2', 'fingerprint of other']]);
    for (const alias of ['us', 'second', 'third']) expect(isConnected(done, alias)).toBe(true);
  });

  test('the connection works at every instant, also where it ended half-way and goes on, or connect comes', () => {
    const made = signed();
    const { steps } = planCa(made, rotate);
    for (let cut = 0; cut <= steps.length; cut += 1) {
      let half = made;
      for (const step of steps.slice(0, cut)) {
        half = applySteps(half, [step]);
        expect(isConnected(half, 'us'), step.id).toBe(true);
      }
      for (const step of planIn(half, request(wish)).steps) {
        half = applySteps(half, [step]);
        expect(isConnected(half, 'us'), `${cut}, then ${step.id}`).toBe(true);
      }
      expect(lines(planIn(half, request(wish)))).toEqual([]);
      if (cut === steps.length) continue;
      for (const step of planCa(half, rotate).steps) {
        half = applySteps(half, [step]);
        expect(isConnected(half, 'us'), `${cut}, then ${step.id}`).toBe(true);
      }
      expect(taken(half)).toEqual([['fingerprint of eu-signing-2']]);
      expect(lines(planIn(half, request(wish)))).toEqual([]);
    }
  });

  test('and that is taken back from wherever it ended, with nobody kept out', () => {
    const before = signed();
    const plan = planCa(before, rotate);
    for (let count = 1; count <= plan.steps.length; count += 1) {
      const past = carriedOut(before, plan, count);
      let { now } = past;
      for (const step of rollbackOf(factsIn(plan, past)).steps) {
        now = takeBack(now, past, step);
        expect(isConnected(now, 'us'), `${count} ${step.id}`).toBe(true);
      }
      for (const side of ['local', 'remote'] as const)
        for (const { name, files } of before[side].nodes) expect(nodeOf(now[side], name).files).toEqual(files);
      expect([now.connections, now.keys]).toEqual([before.connections, before.keys]);
      expect(now.cas).toEqual(expect.arrayContaining(before.cas));
      expect(lines(planIn(now, request(wish)))).toEqual([]);
    }
  });

  test('the rollback takes signatures of both before any node goes back, and proves each before the new CA goes', () => {
    const before = signed();
    const plan = planCa(before, rotate);
    expect(lines(rollbackOf(factsIn(plan, carriedOut(before, plan))))).toEqual([
      'transition inventory.put-back coordinator none',
      'files-us.2 node.change us-1 file',
      'prove-both signing-trust.verify us-1 none',
      'files-eu.1 node.change eu-2 file',
      'files-eu.1 node.change eu-1 file',
      'certificates inventory.put-back coordinator none',
      'handshakes signing.verify eu-1 none',
      'handshakes signing.verify eu-2 none',
      'files-us node.change us-1 file',
      'prove connection.prove eu none',
      'end inventory.put-back coordinator none',
      'end run.rollback coordinator none',
    ]);
  });
});

describe('a CA by which requests are signed is not replaced', () => {
  const refused: [string, (made: World) => void, object, string][] = [
    [
      'while a connection does not work',
      ({ local }) => {
        nodeOf(local, 'eu-1').running.credentials = {};
      },
      {},
      'The connection eu/us is signed by this CA and does not work now (eu-1: it is broken)',
    ],
    [
      'by one whose key is elsewhere',
      (made) => {
        const [ca] = made.cas;
        if (ca) made.cas.push({ ...ca, name: 'theirs', key: null, facts: { ...ca.facts, fingerprint256: 'theirs' } });
      },
      { to: 'theirs' },
      'CA theirs cannot sign signing certificates: its key is not here',
    ],
    [
      'while a remote node cannot be reached by its agent',
      ({ remote }) => {
        nodeOf(remote, 'us-1').agent = 'offline';
      },
      { waitOffline: true },
      'The agent of node us-1 (cluster us) is offline',
    ],
    [
      'where somebody put another CA into the file',
      ({ remote }) => {
        nodeOf(remote, 'us-1').files[TRUST]?.certificates.push('strange');
      },
      {},
      'holds CN=strange, which Remora does not know and which would go',
    ],
  ];
  test.each(refused)('%s', (_, bend, more, sentence) => {
    const made = signed();
    bend(made);
    expect(() => planCa(made, { ...rotate, ...more })).toThrow(sentence);
  });
});
