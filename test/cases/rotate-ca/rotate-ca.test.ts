import type { CaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { request } from '../connect/facts.ts';
import { hostOf, sign } from '../connect/given-world.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { distrust, isConnected } from '../connect/truth.ts';
import { nodeOf, type World, world } from '../connect/world.ts';
import { BUNDLE, carriedOut, imported, planCa, standing } from './plans.ts';

const [OLD, NEW] = ['fingerprint of us-remote', 'fingerprint of us-remote-2'];
const us = ['us-1', 'us-2', 'us-3'];
const eu = ['eu-1', 'eu-2'];
const bundleOf = (made: World, node: string): string[] | undefined =>
  nodeOf(made.local, node).files[BUNDLE]?.certificates;

const whole = [
  'prepare ca.succession coordinator none',
  'prepare ca.create coordinator none',
  ...eu.map((node) => `trust-both node.change ${node} file`),
  ...eu.map((node) => `prove-both trust.verify ${node} none`),
  ...us.map((node) => `issue certificate.issue ${node} none`),
  ...['first node.change us-1 file', 'first remote-server.verify us-1 none'],
  ...['us-2', 'us-3'].map((node) => `files node.change ${node} file`),
  ...['us-2', 'us-3'].map((node) => `verify remote-server.verify ${node} none`),
  ...eu.map((node) => `handshakes handshake.verify ${node} none`),
  'cross connection.prove eu none',
  'record connection.record coordinator none',
  ...eu.map((node) => `trust-new node.change ${node} file`),
  ...eu.map((node) => `prove-new trust.verify ${node} none`),
  'cross-again connection.prove eu none',
  'retire ca.succession coordinator none',
];

describe('a CA is replaced', () => {
  test('in parts, each proven before the next, without a restart', () => {
    const plan = planCa(standing());
    expect(lines(plan)).toEqual(whole);
    expect(plan).toMatchObject({ restarts: [], outages: [], warnings: [], workflow: 'rotate-ca' });
    expect([plan.title, plan.clusters]).toEqual(['Replace CA us-remote by us-remote-2', ['us', 'eu']]);
    expect(new Set(plan.steps.map(({ id }) => id)).size).toBe(plan.steps.length);
  });

  test('by one that is like it, and leaves all connected with the new one alone', () => {
    const made = standing();
    const plan = planCa(made);
    expect(stepOf(plan, 'ca.create').input).toEqual({
      ...{ ca: 'us-remote-2', commonName: 'us-remote-2', validityDays: 3650, keyBits: 3072 },
    });
    const done = carriedOut(made, plan.steps);
    for (const node of eu) expect(bundleOf(done, node)).toEqual([NEW]);
    expect(done.certificates.map(({ ca }) => ca)).toEqual(us.map(() => 'us-remote-2'));
    expect(done.connections.map(({ ca }) => ca)).toEqual(['us-remote-2']);
    expect(done.cas.find(({ name }) => name === 'us-remote')).toMatchObject({
      ...{ successor: 'us-remote-2', retiredAt: expect.any(String), key: expect.any(String) },
    });
    expect([isConnected(done, 'us'), distrust(done)]).toEqual([true, []]);
    expect(lines(planIn(done, request()))).toEqual([]);
    expect(stepOf(planCa(done, { ca: 'us-remote-2' }), 'ca.create').input.ca).toBe('us-remote-3');
  });

  describe('by one whose key is elsewhere', () => {
    const signed = (nodes: readonly string[] = us): World =>
      standing((made) => {
        imported(made, { key: null });
        for (const name of nodes) sign(made, name, [`IP:${hostOf(made, name)}`]);
      });
    const wish = { to: 'corporate', given: [] };

    test('with certificates that it signed, and nothing is made', () => {
      const made = signed();
      const plan = planCa(made, wish);
      expect(lines(plan)).toEqual(whole.filter((line) => !line.includes('ca.create')));
      const { input, diff } = stepOf(plan, 'certificate.issue', 'us-2');
      expect(input).toMatchObject({ ca: 'corporate', given: { request: 'id-2', fingerprint256: 'given id-2' } });
      expect(diff).toContain('+   SHA-256 given id-2');
      const done = carriedOut(made, plan.steps);
      expect(done.certificates.map(({ ca, given }) => [ca, given])).toEqual(
        us.map((_, i) => ['corporate', `id-${i + 1}`]),
      );
      expect([isConnected(done, 'us'), distrust(done)]).toEqual([true, []]);
      expect(lines(planIn(done, request()))).toEqual([]);
    });

    test.each<[string, Partial<CaRotateRequest>, readonly string[], RegExp]>([
      ['without certificates', { to: 'corporate' }, us, /its key is not here/],
      [
        'where a node has none',
        wish,
        ['us-1', 'us-2'],
        /There is no certificate of CA corporate for the remote cluster server of node us-3/,
      ],
    ])('is refused %s', (_, more, nodes, sentence) => {
      expect(() => planCa(signed(nodes), more)).toThrow(sentence);
    });

    test('goes on without them once nothing has to be signed, and with the same files until then', () => {
      const made = signed();
      const plan = planCa(made, wish);
      const until = (kind: string) => plan.steps.findIndex((step) => step.kind === kind);
      const served = carriedOut(made, plan.steps.slice(0, until('handshake.verify')));
      expect(lines(planCa(served)).some((line) => line.includes('certificate.issue'))).toBe(false);
      const first = plan.steps.findIndex(({ stage }) => stage === 'files');
      const partly = carriedOut(made, plan.steps.slice(0, first));
      const ids = ['id-1', 'id-2', 'id-3'];
      expect(planCa(partly, { ...wish, given: ids }).steps.length).toBeGreaterThan(0);
    });

    test('is refused where one does not cover what those who connect ask for', () => {
      const made = signed(['us-1', 'us-2']);
      sign(made, 'us-3', ['DNS:us-3']);
      expect(() => planCa(made, wish)).toThrow(
        /^The certificate for node us-3 \(cluster us\) is not placed: it names DNS:us-3, and not 10\.0\.1\.3, by which clusters that connect ask for it\.$/,
      );
    });
  });

  test('by one that is there', () => {
    const made = standing(imported);
    const plan = planCa(made, { to: 'corporate' });
    expect(lines(plan)).toEqual(whole.filter((line) => !line.includes('ca.create')));
    const done = carriedOut(made, plan.steps);
    for (const node of eu) expect(bundleOf(done, node)).toEqual(['theirs']);
    expect(isConnected(done, 'us')).toBe(true);
  });

  test('under a name that was never one, also of a run that was taken back', () => {
    const made = standing((it) => {
      it.secretVersions['ca/us-remote-2/key'] = 1;
    });
    expect(stepOf(planCa(made), 'ca.create').input.ca).toBe('us-remote-3');
  });

  test('and CAs of other connections stay in the bundle', () => {
    const made = standing((it) => {
      imported(it);
      const [one] = it.connections;
      if (one) it.connections.push({ ...one, alias: 'other', remote: 'ap', ca: 'corporate' });
      for (const node of it.local.nodes) node.files[BUNDLE]?.certificates.push('theirs');
    });
    const plan = planCa(made);
    const done = carriedOut(made, plan.steps);
    for (const node of eu) expect(bundleOf(done, node)?.sort()).toEqual([NEW, 'theirs'].sort());
    const both = carriedOut(
      made,
      plan.steps,
      plan.steps.findIndex(({ stage }) => stage === 'prove-both'),
    );
    for (const node of eu) expect(bundleOf(both, node)?.sort()).toEqual([OLD, NEW, 'theirs'].sort());
  });

  test('and the proxy is asked where nodes connect through one', () => {
    const made = connected(world({ remote: 1, local: 1 }), { mode: 'proxy', proxyAddress: 'lb.example.com:9400' });
    expect(stepOf(planCa(made), 'handshake.verify').input).toMatchObject({
      ...{
        remote: 'us',
        ca: 'us-remote-2',
        proxy: { address: { host: 'lb.example.com', port: 9400 }, serverName: null },
      },
    });
    expect(stepOf(planCa(made), 'remote-server.verify').input.trustedBy).toEqual([]);
  });

  test('and a connection that does not work before is not proven, which is said', () => {
    const made = standing((it) => {
      nodeOf(it.local, 'eu-1').running.credentials = {};
    });
    const plan = planCa(made);
    expect(plan.steps.filter(({ kind }) => kind === 'connection.prove')).toEqual([]);
    expect(plan.warnings).toEqual([expect.stringContaining('eu/us does not work now, and is not proven: eu-1')]);
  });
});

describe('a rotation that ended half-way', () => {
  /** Steps of one stage run side by side: in any order. */
  const shuffledStages = (steps: readonly AnyStep[], seed: number): AnyStep[] => {
    const weight = ({ id }: AnyStep): number =>
      [...id].reduce((sum, c) => (sum * 31 + c.charCodeAt(0) + seed) % 9973, 7);
    const parallel = ['trust-both', 'prove-both', 'issue', 'files', 'verify', 'handshakes', 'trust-new', 'prove-new'];
    const stages = [...new Set(steps.map(({ stage }) => stage))];
    return stages.flatMap((stage) => {
      const own = steps.filter((step) => step.stage === stage);
      return parallel.includes(stage) ? own.sort((a, b) => weight(a) - weight(b)) : own;
    });
  };

  test('goes on with what is missing, and at no instant anybody distrusts what is served', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.nat(99), (cut, again, seed) => {
        let made = standing();
        const run = (steps: readonly AnyStep[], count: number): void => {
          for (const step of shuffledStages(steps, seed).slice(0, count)) {
            made = applySteps(made, [step]);
            expect(distrust(made)).toEqual([]);
          }
        };
        run(planCa(made).steps, cut % whole.length);
        const second = planCa(made).steps;
        run(second, again % second.length);
        run(planCa(made).steps, whole.length);
        expect([isConnected(made, 'us'), ...eu.map((node) => bundleOf(made, node))]).toEqual([true, [NEW], [NEW]]);
        expect(made.cas.find(({ name }) => name === 'us-remote')?.retiredAt).toEqual(expect.any(String));
        expect(lines(planIn(made, request()))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test('lets connect go on, and a node join, at every instant: whatever connect does then, nobody is cut off', () => {
    const made = standing();
    const { steps } = planCa(made);
    for (let cut = 1; cut < steps.length; cut += 1) {
      let half = carriedOut(made, steps, cut);
      const fresh = world({ remote: 4, local: 3 });
      half.local.nodes.push(nodeOf(fresh.local, 'eu-3'));
      half.remote.nodes.push(nodeOf(fresh.remote, 'us-4'));
      for (const step of planIn(half, request()).steps) {
        half = applySteps(half, [step]);
        expect(distrust(half), `${cut} ${step.id}`).toEqual([]);
      }
      expect(isConnected(half, 'us')).toBe(true);
      expect(lines(planIn(half, request()))).toEqual([]);
      const done = carriedOut(half, planCa(half).steps);
      expect([isConnected(done, 'us'), bundleOf(done, 'eu-3')]).toEqual([true, [NEW]]);
    }
  });

  test('has only the missing steps', () => {
    const made = standing();
    const { steps } = planCa(made);
    const until = (stage: string) =>
      carriedOut(
        made,
        steps,
        steps.findIndex((step) => step.stage === stage),
      );
    expect(lines(planCa(until('trust-new')))).toEqual([
      ...whole.filter((line) => /^(handshakes|cross|trust-new|prove-new|retire)/.test(line)),
    ]);
    expect(lines(planCa(until('first')))).toEqual(whole.filter((line) => !/^(prepare|trust-both)/.test(line)));
    expect(lines(planCa(until('retire')))).toEqual(
      whole.filter((line) => /^(handshakes|cross|prove-new|retire)/.test(line)),
    );
  });
});

describe('a node whose agent is away', () => {
  const away = (): World =>
    standing((it) => {
      nodeOf(it.local, 'eu-2').agent = 'offline';
    });

  test('is waited for where that was asked for: nothing is reissued before it trusts both', () => {
    const plan = planCa(away(), { waitOffline: true });
    const unseen = plan.steps.flatMap((step) => (step.kind === 'node.change' && step.input.unseen ? [step.id] : []));
    expect(unseen).toEqual(['trust-both-eu.eu-2', 'trust-new-eu.eu-2']);
    expect(lines(plan)).toEqual(whole);
    expect(plan.warnings).toEqual([expect.stringMatching(/^Nodes whose agents are away: eu-2 \(cluster eu\)\./)]);
    expect(isConnected(carriedOut(away(), plan.steps), 'us')).toBe(true);
    expect(planCa(standing(), { waitOffline: true }).hash).toBe(plan.hash);
  });
});
