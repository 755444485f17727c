import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { describe, expect, test } from 'vitest';
import type { PastRun, RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { given, hostOf, sign } from '../connect/given-world.ts';
import { connected, planIn as connectIn, lines, stepOf } from '../connect/plans.ts';
import { nodeOf, type World, world } from '../connect/world.ts';
import { change, done } from '../rollback/connected.ts';
import { planIn, SERVER, standing, wish } from './servers-world.ts';

/** Certificates for the remote cluster port, which others trust already. */

describe('certificates for the remote cluster port', () => {
  test('that were signed elsewhere take the place of others by file, one node before the rest, tried by those who connect', () => {
    const made = standing();
    for (const name of ['us-1', 'us-2', 'us-3']) sign(made, name, [`IP:${hostOf(made, name)}`]);
    const plan = planIn(made, wish({ given: [] }));
    expect(lines(plan)).toEqual([
      ...['us-2', 'us-3', 'us-1'].map((node) => `issue certificate.issue ${node} none`),
      'first-files node.change us-2 file',
      'first-verify remote-server.verify us-2 none',
      ...['us-3', 'us-1'].map((node) => `files node.change ${node} file`),
      ...['us-3', 'us-1'].map((node) => `verify remote-server.verify ${node} none`),
    ]);
    expect(plan.title).toBe('Place remote cluster server certificates of CA corporate on the nodes of us');
    expect(stepOf(plan, 'remote-server.verify', 'us-2').input.trustedBy).toMatchObject([
      { cluster: 'eu', node: 'eu-1' },
    ]);
    expect(plan.warnings).toEqual([
      expect.stringMatching(
        /^Clusters that connect to us and whose connections Remora does not manage must trust CA corporate/,
      ),
    ]);
    const after = applySteps(made, plan.steps);
    expect(planIn(after, wish({ given: [] })).steps).toEqual([]);
    expect(connectIn(after, request()).steps).toEqual([]);
  });

  test('in the PEM files of somebody else, which become Remora’s: connect leaves them where they are', () => {
    const made = world({ remote: 1, local: 1 });
    const node = nodeOf(made.remote, 'us-1');
    Object.assign(node.yml.values, {
      'remote_cluster_server.enabled': true,
      [`${SERVER}.certificate`]: 'certs/server.crt',
      [`${SERVER}.key`]: 'certs/server.key',
    });
    node.running.settings = { ...node.running.settings, ...(node.yml.values as Record<string, string>) };
    made.cas = given().cas.map((ca) => ({ ...ca, key: 'secret:ca/corporate/key@1' }));
    made.secretVersions['ca/corporate/certificate'] = 1;
    const refused = () => connectIn(made, request({ ca: 'corporate' }));
    expect(refused).toThrow(/certs\/server\.crt\)\. .*`remora certs place --purpose remote_cluster_server` does/);
    const plan = planIn(made, wish());
    const { input } = stepOf(plan, 'certificate.issue');
    expect(input).toMatchObject({
      path: 'certs/server.crt',
      key: { path: 'certs/server.key', passphraseSecret: null },
    });
    expect(input.ip).toContain(node.transportHost);
    const after = applySteps(made, plan.steps);
    const connect = connectIn(after, request({ ca: 'corporate' }));
    expect(lines(connect).filter((line) => / us(-1)? /.test(line))).toEqual(['api-key api-key.create us api']);
  });

  test.each<[string, (made: World) => Partial<PlaceRequest>, RegExp]>([
    [
      'where a cluster that connects does not trust the CA',
      (made) => {
        made.cas.push({ ...(made.cas[0] as World['cas'][number]), name: 'other', key: 'secret:ca/other/key@1' });
        return { ca: 'other' };
      },
      /^Cluster eu trusts CA corporate in its connection us to us, and not CA other: `remora ca rotate corporate --to other` has everybody trust/,
    ],
    [
      'of another CA than that of a connection that was taken over, which no rotation replaces',
      (made) => {
        made.cas.push({ ...(made.cas[0] as World['cas'][number]), name: 'other', key: 'secret:ca/other/key@1' });
        const adopted = { key: { id: 'theirs', name: 'by hand' }, server: true, trust: true };
        made.connections = made.connections.map((one) => ({ ...one, adopted }));
        return { ca: 'other' };
      },
      /^Cluster eu trusts CA corporate .* was taken over as people made it, .*--ca corporate, .* `remora adopt eu us` puts that on record/,
    ],
    [
      'where a port does not serve',
      (made) => {
        delete nodeOf(made.remote, 'us-2').yml.values['remote_cluster_server.enabled'];
        return { given: [] };
      },
      /node us-2 \(cluster us\) does not say remote_cluster_server\.enabled: true: `remora connect` turns that on/,
    ],
    [
      'where TLS is off',
      (made) => {
        nodeOf(made.remote, 'us-2').yml.values[`${SERVER}.enabled`] = false;
        return { given: [] };
      },
      /node us-2 \(cluster us\) has TLS off on that port/,
    ],
    [
      'that do not cover where a node is found',
      (made) => {
        sign(made, 'us-2', ['DNS:us-2']);
        return { given: ['id-4'], node: 'us-2' };
      },
      /^The certificate for node us-2 \(cluster us\) is not placed: it names DNS:us-2, and not 10\.0\.1\.2, by which clusters that connect ask for it\.$/,
    ],
  ])('are refused %s', (_, change, sentence) => {
    const made = standing();
    const more = change(made);
    expect(() => planIn(made, wish(more))).toThrow(sentence);
  });

  test('behind a proxy cover what is asked for there', () => {
    const made = standing();
    const proxies = [{ address: { host: 'lb.example.com', port: 443 }, serverName: 'search.us.example.com' }];
    expect(() => planIn(made, wish({ given: [] }), { proxies })).toThrow(
      /and not search\.us\.example\.com or lb\.example\.com, by which clusters that connect ask for it/,
    );
    made.cas = made.cas.map((ca) => ({ ...ca, key: 'secret:ca/corporate/key@1' }));
    const { input } = stepOf(planIn(made, wish(), { proxies }), 'certificate.issue', 'us-1');
    expect(input.dns).toEqual(expect.arrayContaining(['lb.example.com', 'search.us.example.com', 'us-1']));
  });

  test('of a CA that signs here are made', () => {
    const made = connected(world({ remote: 3, local: 1 }));
    expect(planIn(made, wish({ ca: 'us-remote' })).steps).toEqual([]);
    const wider = planIn(made, wish({ ca: 'us-remote', sans: ['us.example.com'], node: 'us-3' }));
    expect(lines(wider)).toEqual([
      'issue certificate.issue us-3 none',
      'first-files node.change us-3 file',
      'first-verify remote-server.verify us-3 none',
    ]);
  });

  test('keep the names that connect was told', () => {
    const made = connected(world({ remote: 3, local: 1 }), { sans: ['search.example.com'] });
    const { input } = stepOf(planIn(made, wish({ ca: 'us-remote', validity: '30d' })), 'certificate.issue', 'us-1');
    expect(input.dns).toContain('search.example.com');
  });

  test('are held to the name by which a node is published, and not to the address behind it', () => {
    const made = standing();
    const node = nodeOf(made.remote, 'us-2');
    node.running.settings['remote_cluster.publish_host'] = 'us-2.example.com';
    sign(made, 'us-2', ['IP:10.0.1.2']);
    const only = wish({ given: ['id-4'], node: 'us-2' });
    expect(() => planIn(made, only)).toThrow(/it names IP:10\.0\.1\.2, and not us-2\.example\.com, by which/);
    sign(made, 'us-2', ['DNS:us-2.example.com']);
    expect(planIn(made, { ...only, given: ['id-5'] }).steps.length).toBeGreaterThan(0);
  });

  test('of a CA that is taking the place of another wait until it was proven to be trusted', () => {
    const made = standing();
    const old = made.cas[0] as World['cas'][number];
    made.cas = [
      { ...old, successor: 'next' },
      { ...old, name: 'next', key: 'secret:ca/next/key@1' },
    ];
    expect(() => planIn(made, wish({ ca: 'next' }))).toThrow(/`remora ca rotate corporate --to next`/);
    made.certificates = made.certificates.map((one) => (one.node === 'us-1' ? { ...one, ca: 'next' } : one));
    expect(planIn(made, wish({ ca: 'next', node: 'us-2' })).steps.length).toBeGreaterThan(0);
  });

  test('cover a seed by which others look for the cluster', () => {
    const seeds = [['us.example.com', 'seed.example.com']];
    expect(() => planIn(standing(), wish({ given: [] }), { seeds })).toThrow(
      /^None of the certificates covers a seed by which nodes look for cluster us \(us\.example\.com, seed\.example\.com\)/,
    );
    const made = standing();
    sign(made, 'us-1', [`IP:${hostOf(made, 'us-1')}`, 'DNS:seed.example.com']);
    expect(planIn(made, wish({ given: ['id-4'], node: 'us-1' }), { seeds }).steps.length).toBeGreaterThan(0);
  });

  test('are not placed while it cannot be seen through which proxy a cluster connects', () => {
    expect(() => planIn(standing(), wish({ given: [] }), { unknownProxies: ['Cluster eu is away.'] })).toThrow(
      /^Cluster eu is away\.$/,
    );
  });
});

describe('a placement on the remote cluster port is taken back', () => {
  const past = (plan: StoredPlan, before: World['certificates']): PastRun => ({
    ...{ runId: 'run-1', status: 'succeeded', rollback: null, restored: null, plan },
    steps: new Map(
      plan.steps.map((step) => {
        const record = before.find(({ node }) => node === step.target) ?? null;
        return [step.id, done({ kept: step.kind === 'certificate.issue' ? { before: record } : null })];
      }),
    ),
  });
  const facts = (made: World, run: PastRun, others: readonly PastRun[] = []): RollbackFacts => {
    const { remote, connections, cas, certificates, secretVersions } = factsOf(made, request());
    const file = change('file', 'remora-remote-cluster-server.p12', { existed: true });
    const backups = run.plan.steps.flatMap((step): [string, { changes: (typeof file)[]; unknown: string[] }][] =>
      step.kind === 'node.change' ? [[`us/${step.input.node}`, { changes: [file], unknown: [] }]] : [],
    );
    return {
      ...{
        run,
        others,
        clusters: new Map([['us', remote]]),
        settings: new Map([['us', {}]]),
        backups: new Map(backups),
      },
      ...{
        keys: [],
        earlierKeys: [],
        connections,
        cas,
        certificates,
        signers: [],
        deploymentTrusts: [],
        apiKeys: [],
        secretVersions,
        principals: new Map(),
      },
    };
  };
  const back = (made: World, run: PastRun, others: readonly PastRun[] = []): StoredPlan =>
    planRollback({ run: 'run-1' }, facts(made, run, others), {
      ...{ planId: 'p', now: new Date(made.nowMs).toISOString(), hash: sha256 },
    });

  test('on one node too, and what it served before is proven', () => {
    const made = standing();
    const before = made.certificates;
    sign(made, 'us-2', [`IP:${hostOf(made, 'us-2')}`]);
    const plan = planIn(made, wish({ given: ['id-4'], node: 'us-2' }));
    const rollback = back(applySteps(made, plan.steps), past(plan, before));
    expect(lines(rollback).slice(0, 2)).toEqual([
      'files-us node.change us-2 file',
      'served-us remote-server.verify us-2 none',
    ]);
    expect(stepOf(rollback, 'remote-server.verify').input.gone).toBe('given id-4');
  });

  test('also where it took the port over from somebody else, unless a connection was made since', () => {
    const made = standing();
    sign(made, 'us-2', [`IP:${hostOf(made, 'us-2')}`]);
    const plan = planIn(made, wish({ given: ['id-4'], node: 'us-2' }));
    const after = applySteps(made, plan.steps);
    const run = past(plan, []);
    expect(back(after, run).steps.length).toBeGreaterThan(0);
    const connect = connectIn(given(), request({ ca: 'corporate', given: [] }));
    expect(() => back(after, run, [{ ...past(connect, []), runId: 'run-2' }])).toThrow(/run-2|eu\/us/);
  });
});
