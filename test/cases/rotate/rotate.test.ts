import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import { describe, expect, test } from 'vitest';
import type { RotateFacts } from '../../../coordinator/src/plan/rotate/facts.ts';
import { planRotation } from '../../../coordinator/src/plan/rotate/rotate.ts';
import { applySteps } from '../connect/apply.ts';
import { sha256 } from '../connect/facts.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf, type World } from '../connect/world.ts';
import { DAY_MS, FILE, planIn, refusalIn, rotationFacts, standing, whole } from './plans.ts';

describe('certificates are replaced', () => {
  test('one node first and then the others, without a restart, for each way of choosing them', () => {
    for (const wish of [{ cluster: 'us' }, { all: true }, { expiring: '366d' }] satisfies RotateRequest[]) {
      const plan = planIn(standing(), wish);
      expect(lines(plan)).toEqual(whole);
      expect(plan).toMatchObject({ restarts: [], outages: [], warnings: [], clusters: ['us'] });
      expect(plan.title).toBe('Replace 3 certificates of us');
    }
  });

  test('of one node alone', () => {
    expect(lines(planIn(standing(), { node: 'us-2' }))).toEqual([
      'issue certificate.issue us-2 none',
      'first node.change us-2 file',
      'first remote-server.verify us-2 none',
    ]);
  });

  test('under the same names, path and password, with the life of the ones before or another one', () => {
    const made = standing();
    const before = made.certificates.find(({ node }) => node === 'us-1');
    const plan = planIn(made, { node: 'us-1' });
    const { input, diff } = stepOf(plan, 'certificate.issue');
    expect([...input.dns, ...input.ip].sort()).toEqual([...(before?.names ?? [])].sort());
    expect(input).toMatchObject({
      path: FILE,
      passwordSecret: before?.passwordSecret,
      ca: 'us-remote',
      validityMs: 365 * DAY_MS,
    });
    expect(input.p12Secret).toBe('secret:node/us/us-1/remote-cluster-server/p12@2');
    expect(diff).toContain('- certificate CN=');
    expect(stepOf(plan, 'node.change').input.operations.map(({ name }) => name)).toEqual(['files']);
    const short = stepOf(planIn(made, { node: 'us-1', validity: '2m' }), 'certificate.issue');
    expect(short.input.validityMs).toBe(120_000);
    expect(short.diff).toContain('valid for 2 minutes from its issue');
  });

  test('and proven from every node that connects, with the CA files that it has', () => {
    const { trustedBy } = stepOf(planIn(standing(), { node: 'us-1' }), 'remote-server.verify').input;
    expect(trustedBy).toEqual(
      ['eu-1', 'eu-2'].map((node) => ({
        cluster: 'eu',
        node,
        certificateAuthorities: ['remora-remote-cluster-cas.crt'],
      })),
    );
  });

  test('once: those that ended soon do not any more', () => {
    const made = standing((it) => {
      it.nowMs += 350 * DAY_MS;
    });
    const plan = planIn(made, { expiring: '30d' });
    expect(lines(plan)).toEqual(whole);
    const after = applySteps(made, plan.steps);
    expect(planIn(after, { expiring: '30d' })).toMatchObject({
      steps: [],
      stages: [],
      title: 'Replace 0 certificates',
    });
    expect(lines(planIn(after, { all: true }))).toEqual(whole);
  });

  test('of which two thirds of their life are over, however short it is, and no others', () => {
    const made = applySteps(standing(), planIn(standing(), { cluster: 'us', validity: '30m' }).steps);
    const at = (minutes: number) => ({ ...made, nowMs: made.nowMs + minutes * 60_000 });
    expect(planIn(at(0), { due: true }).steps).toEqual([]);
    const later = planIn(at(20), { due: true });
    expect(lines(later)).toEqual(whole);
    expect(stepOf(later, 'certificate.issue').input.validityMs).toBe(30 * 60_000);
  });

  test('and not from nodes that cannot be asked or did not trust what was there before, which is said', () => {
    const made = standing((it) => {
      nodeOf(it.local, 'eu-2').agent = 'offline';
    });
    const plan = planIn(made, { node: 'us-1' });
    expect(plan.warnings).toEqual([
      'Node eu-2 of cluster eu is not asked whether it trusts the new certificates of us: its agent is away.',
    ]);
    expect(stepOf(plan, 'remote-server.verify').input.trustedBy).toMatchObject([{ node: 'eu-1' }]);
  });

  test('all of them try the first, and one each of the others', () => {
    const plan = planIn(standing(), { cluster: 'us' });
    const tried = plan.steps.flatMap((step) =>
      step.kind === 'remote-server.verify' ? [step.input.trustedBy?.map(({ node }) => node)] : [],
    );
    expect(tried).toEqual([['eu-1', 'eu-2'], ['eu-2'], ['eu-1']]);
  });

  test('where a run issued them and never placed them, also those that do not end soon', () => {
    const made = standing((it) => {
      it.certificates = it.certificates.map((one) =>
        one.node === 'us-2' ? { ...one, p12Secret: one.p12Secret.replace('@1', '@2') } : one,
      );
    });
    const only = [
      'issue certificate.issue us-2 none',
      'first node.change us-2 file',
      'first remote-server.verify us-2 none',
    ];
    expect(lines(planIn(made, { expiring: '30d' }))).toEqual(only);
    expect(lines(planIn(made, { node: 'us-2' }))).toEqual(only);
  });

  test('unless their CA ends with them: others would end then too, which is said', () => {
    const made = standing((it) => {
      it.cas = it.cas.map((ca) => ({
        ...ca,
        facts: { ...ca.facts, notAfter: it.certificates[0]?.facts.notAfter ?? '' },
      }));
      it.nowMs += 350 * DAY_MS;
    });
    const plan = planIn(made, { expiring: '30d' });
    expect([plan.steps, plan.warnings]).toEqual([
      [],
      [
        expect.stringMatching(
          /^The certificates of us-1, us-2, us-3 end with their CA us-remote at .*: they are left as they are\.$/,
        ),
      ],
    ]);
  });

  test('of the clusters that can be looked at; what cannot is refused where something is due, and said where not', () => {
    const unseen = (it: World): RotateFacts => ({
      ...rotationFacts(it),
      clusters: [],
      unseen: new Map([['us', 'Cluster us did not answer.']]),
    });
    const plan = (wish: RotateRequest) =>
      planRotation(wish, unseen(standing()), {
        planId: 'p',
        now: new Date(standing().nowMs).toISOString(),
        hash: sha256,
      });
    expect(plan({ expiring: '30d' })).toMatchObject({ steps: [], warnings: ['Cluster us did not answer.'] });
    expect(() => plan({ cluster: 'us' })).toThrow(/^Cluster us did not answer\. \(and 2 more\)$/);
  });

  test('as far as possible: one that cannot be replaced is left, and said, unless none can', () => {
    const away = (...names: readonly string[]): World =>
      standing((it) => {
        for (const name of names) nodeOf(it.remote, name).agent = 'offline';
      });
    const plan = planIn(away('us-2'), { cluster: 'us', asFarAsPossible: true });
    expect(plan.steps.filter(({ kind }) => kind === 'certificate.issue').map(({ target }) => target)).toEqual([
      'us-1',
      'us-3',
    ]);
    expect(plan.warnings[0]).toMatch(/^It is left: The agent of node us-2 \(cluster us\) is offline/);
    expect(() => planIn(away('us-2'), { cluster: 'us' })).toThrow(/The agent of node us-2/);
    expect(() => planIn(away('us-1', 'us-2', 'us-3'), { cluster: 'us', asFarAsPossible: true })).toThrow(
      /The agent of node us-1 .* \(and 2 more\)$/,
    );
  });

  test('of CAs that sign elsewhere are left, and said, where others are replaced or those that end soon are meant', () => {
    const made = standing((it) => {
      it.cas = [...it.cas, ...it.cas.map((ca) => ({ ...ca, name: 'corporate', key: null }))];
      it.certificates = it.certificates.map((one) => (one.node === 'us-2' ? { ...one, ca: 'corporate' } : one));
    });
    const plan = planIn(made, { cluster: 'us' });
    expect(new Set(plan.steps.map(({ target }) => target))).toEqual(new Set(['us-1', 'us-3']));
    expect(plan.warnings[0]).toMatch(
      /^It is left: The key of CA corporate is not here, .* `remora certs place --files`\.$/,
    );
    expect(() => planIn(made, { node: 'us-2' })).toThrow(/The key of CA corporate is not here/);
    expect(planIn(made, { node: 'us-2', expiring: '366d' })).toMatchObject({
      ...{ steps: [], warnings: [expect.stringMatching(/corporate/)] },
    });
  });

  test('up to the end of their CA, which is said', () => {
    const made = standing((it) => {
      it.nowMs += 3500 * DAY_MS;
    });
    expect(planIn(made, { node: 'us-1' }).warnings).toEqual([
      expect.stringMatching(/^CA us-remote ends at \d{4}-.*, and so do the certificates that it signs\.$/),
    ]);
  });
});

describe('is refused', () => {
  test.each<[string, RotateRequest, (made: World) => void, RegExp]>([
    ['a cluster without certificates', { cluster: 'eu' }, () => {}, /made no certificate for cluster eu/],
    ['a node that is not known', { node: 'us-9' }, () => {}, /made no certificate for node us-9/],
    ['nothing there', { all: true }, (it) => it.certificates.splice(0), /has made no certificate yet/],
    [
      'a name of several nodes',
      { node: 'us-1' },
      (it) => it.certificates.push(...it.certificates.map((one) => ({ ...one, cluster: 'other' }))),
      /Several clusters have a node "us-1": other, us/,
    ],
    [
      'a CA whose key is not here',
      { cluster: 'us' },
      (it) => {
        it.cas = it.cas.map((ca) => ({ ...ca, key: null }));
      },
      /The key of CA us-remote is not here, .* \(and 2 more\)/,
    ],
    [
      'a new password of a PEM file',
      { node: 'us-1', newPassword: true },
      (it) => {
        const key = { path: 'us.key', secret: 'secret:k@1', passphraseSecret: null };
        it.certificates = it.certificates.map((one) => ({ ...one, path: 'us.crt', key }));
      },
      /us\.crt of node us-1 \(cluster us\) is a PEM file and has no password/,
    ],
    [
      'new passwords in several clusters at once',
      { all: true, newPassword: true },
      (it) => it.certificates.push(...it.certificates.map((one) => ({ ...one, cluster: 'other' }))),
      /restarts nodes, of one cluster at a time: give --cluster NAME, of other, us/,
    ],
    [
      'a key that elasticsearch.yml does not name any more',
      { node: 'us-1' },
      (it) => {
        const key = { path: 'us.key', secret: 'secret:k@1', passphraseSecret: null };
        it.certificates = it.certificates.map((one) => ({ ...one, path: 'us.crt', p12Secret: 'secret:c@1', key }));
        const node = nodeOf(it.remote, 'us-1');
        node.yml.values['xpack.security.remote_cluster_server.ssl.certificate'] = '/etc/elasticsearch/us.crt';
        node.files['us.crt'] = { source: 'secret:c@1', certificates: [] };
      },
      /names no file as xpack\.security\.remote_cluster_server\.ssl\.key and not us\.key/,
    ],
    ['a CA that is gone', { node: 'us-1' }, (it) => it.cas.splice(0), /CA us-remote, .* is not known any more/],
    [
      'a CA that has ended',
      { node: 'us-1' },
      (it) => {
        it.nowMs += 3700 * DAY_MS;
      },
      /CA us-remote ended at/,
    ],
    [
      'an agent that is away',
      { node: 'us-1' },
      (it) => {
        nodeOf(it.remote, 'us-1').agent = 'offline';
      },
      /The agent of node us-1 \(cluster us\) is offline/,
    ],
    [
      'a file that somebody replaced',
      { node: 'us-1' },
      (it) => {
        nodeOf(it.remote, 'us-1').files = {};
      },
      /remora-remote-cluster-server\.p12 of node us-1 \(cluster us\) is not what Remora placed there/,
    ],
    [
      'another file in elasticsearch.yml',
      { node: 'us-1' },
      (it) => {
        nodeOf(it.remote, 'us-1').yml.values['xpack.security.remote_cluster_server.ssl.keystore.path'] = 'theirs.p12';
      },
      /names theirs\.p12 as xpack\.security\.remote_cluster_server\.ssl\.keystore\.path/,
    ],
    [
      'a node that is gone',
      { node: 'us-1' },
      (it) => {
        it.remote.nodes = it.remote.nodes.filter(({ name }) => name !== 'us-1');
      },
      /Node us-1 is not in cluster us now/,
    ],
  ])('%s', (_, wish, change, sentence) => {
    expect(refusalIn(standing(change), wish).message).toMatch(sentence);
  });
});
