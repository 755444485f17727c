import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { checkConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { describe, expect, test } from 'vitest';
import { planConnect } from '../../../coordinator/src/plan/connect/connect.ts';
import type { ConnectionRecord } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { ConnectFacts } from '../../../coordinator/src/plan/facts.ts';
import { applySteps } from './apply.ts';
import { factsOf, request, sha256 } from './facts.ts';
import { DAY_MS, given, hostOf, refusedGiven, sign, wish } from './given-world.ts';
import { connected, lines, planIn, stepOf } from './plans.ts';
import { checkRefusal } from './runner.ts';
import { nodeOf, world } from './world.ts';

/** Connections to nodes whose certificates a CA signs that is elsewhere. */

describe('certificates of the remote nodes that were signed elsewhere', () => {
  test('are placed by connect like others, stay until another is given, and are replaced without a restart', () => {
    const made = given();
    const plan = planIn(made, wish());
    expect(plan.steps.map(({ kind }) => kind)).not.toContain('ca.create');
    const { input, diff, reason } = stepOf(plan, 'certificate.issue', 'us-2');
    expect(input).toMatchObject({
      ...{ ca: 'corporate', given: { request: 'id-2', fingerprint256: 'given id-2' } },
      path: 'remora-remote-cluster-server.p12',
    });
    expect([reason, diff]).toEqual(['the certificate was given', expect.stringContaining('+   SHA-256 given id-2')]);
    const connected = applySteps(made, plan.steps);
    expect(planIn(connected, wish()).steps).toEqual([]);
    // Without --files, and long after: somebody has to bring another.
    connected.nowMs += 80 * DAY_MS;
    expect(planIn(connected, request()).steps).toEqual([]);
    sign(connected, 'us-3', [`IP:${hostOf(connected, 'us-3')}`]);
    const next = planIn(connected, wish());
    expect(lines(next)).toEqual([
      'certificates certificate.issue us-3 none',
      'remote-files node.change us-3 file',
      'remote-verify remote-server.verify us-3 none',
      'connect connection.prove eu none',
    ]);
    expect(stepOf(next, 'certificate.issue').input.passwordSecret).toBe(
      connected.certificates.find(({ node }) => node === 'us-3')?.passwordSecret,
    );
    expect(planIn(applySteps(connected, next.steps), wish()).steps).toEqual([]);
  });

  test('those that are named by their ids are placed, also where a newer one was accepted', () => {
    const made = given();
    made.nowMs += 1000;
    sign(made, 'us-1', [`IP:${hostOf(made, 'us-1')}`]);
    const by = (ids: string[]) =>
      stepOf(planIn(made, wish({ given: ids })), 'certificate.issue', 'us-1').input.given?.request;
    expect([by([]), by(['id-1', 'id-2', 'id-3'])]).toEqual(['id-4', 'id-1']);
  });

  test('behind a proxy one for all by the name that is asked for is enough', () => {
    const made = given(() => ['DNS:*.us.example.com']);
    const proxied = { mode: 'proxy', proxyAddress: 'lb.example.com:443', serverName: 'search.us.example.com' } as const;
    expect(stepOf(planIn(made, wish(proxied)), 'certificate.issue', 'us-1').input.given?.request).toBe('id-1');
    expect(() => planIn(made, wish({ ...proxied, serverName: 'search.eu.example.com' }))).toThrow(
      /us-1 .*it names DNS:us-1, DNS:\*\.us\.example\.com, and not search\.eu\.example\.com or lb\.example\.com/,
    );
  });

  test('are held to the name that a node will be published by, also before it is', () => {
    const made = given();
    nodeOf(made.remote, 'us-2').yml.values['network.host'] = 'us-2.example.com';
    const names = () => planIn(made, wish());
    expect(names).toThrow(
      /it names DNS:us-2, IP:10\.0\.1\.2, and not us-2\.example\.com, by which clusters that connect/,
    );
    made.nowMs += 1000;
    sign(made, 'us-2', ['DNS:us-2.example.com']);
    expect(names().steps.length).toBeGreaterThan(0);
    made.cas = made.cas.map((ca) => ({ ...ca, key: 'secret:ca/corporate/key@1' }));
    const own = planIn(made, request({ ca: 'corporate' }));
    expect(stepOf(own, 'certificate.issue', 'us-2').input.dns).toContain('us-2.example.com');
  });

  test('one node of those that --limit names needs one alone', () => {
    const made = given();
    made.signed = made.signed.slice(0, 1);
    const plan = planIn(made, wish({ nodes: ['us-1'] }));
    expect(plan.steps.filter(({ kind }) => kind === 'certificate.issue').map(({ target }) => target)).toEqual(['us-1']);
  });

  test('cover what other clusters ask for too, whose nodes try them', () => {
    const made = given(() => ['DNS:search.us.example.com']);
    const proxied = wish({ mode: 'proxy', proxyAddress: 'lb.example.com:443', serverName: 'search.us.example.com' });
    const facts = factsOf(made, proxied);
    const planWith = (others: Partial<ConnectFacts['others']>) =>
      planConnect(
        proxied,
        { ...facts, others: { ...facts.others, ...others } },
        {
          ...{ planId: 'p', now: new Date(made.nowMs).toISOString(), hash: sha256 },
        },
      );
    const ap = { ...(connected(world()).connections[0] as ConnectionRecord), local: 'ap' };
    expect(() => planWith({ connections: [ap] })).toThrow(/and not 10\.0\.1\.1, by which clusters that connect ask/);
    const connection = { ...ap, mode: 'proxy' as const };
    const trust = [
      {
        ...{ remote: 'us', alias: 'us', cluster: 'ap', node: 'ap-1', certificateAuthorities: ['cas.crt'] },
        ...{ isDirect: true, isAway: false, problem: null },
      },
    ];
    const plan = planWith({ connections: [connection], trust });
    expect(stepOf(plan, 'remote-server.verify').input.trustedBy).toMatchObject([{ cluster: 'ap', node: 'ap-1' }]);
    expect(() => planWith({ connections: [connection], unknownProxies: ['Cluster ap is away.'] })).toThrow(
      /^Cluster ap is away\.$/,
    );
  });

  test.each(refusedGiven)('are refused: $name', checkRefusal);

  test.each<[string, Partial<ConnectRequest>, RegExp]>([
    ['without the name of their CA', { given: [] }, /need --ca NAME/],
    [
      'with a validity',
      { given: [], ca: 'c', certValidity: '90d' },
      /^--cert-validity is for certificates that are made/,
    ],
    ['with names', { given: [], ca: 'c', sans: ['us.example.com'] }, /^--san is for certificates that are made/],
  ])('are refused %s', (_, more, sentence) => {
    expect(() => checkConnectRequest(request(more))).toThrow(sentence);
  });
});
