import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { changed, type World, world } from '../connect/world.ts';
import { disconnected, ownCa, planOff, traces } from './plans.ts';

const CLIENT = 'xpack.security.remote_cluster_client.ssl';
const SERVER = 'xpack.security.remote_cluster_server.ssl';
const CREDENTIALS = 'cluster.remote.us.credentials';
const BUNDLE = 'remora-remote-cluster-cas.crt';

const local = ({ local: { nodes } }: World) => nodes[0] as World['local']['nodes'][number];

describe('a connection that is the only one', () => {
  test('is taken apart in an order in which nothing is left that works', () => {
    const plan = planOff(connected(world({ remote: 2, local: 1 })));
    expect(lines(plan)).toEqual([
      'alias cluster-settings.put eu api',
      'credentials node.change eu-1 reload',
      'reload secure-settings.reload eu-1 reload',
      'api-key api-key.invalidate us api',
      'local-roll node.change eu-1 restart',
      'remote-roll node.change us-2 restart',
      'remote-roll node.change us-1 restart',
      'end inventory.put-back coordinator none',
    ]);
    expect(plan).toMatchObject({ workflow: 'disconnect', restarts: ['eu-1', 'us-2', 'us-1'], warnings: [] });
    expect(plan.outages).toEqual([
      expect.stringMatching(/eu has one node/),
      expect.stringMatching(/us has two master/),
    ]);
    expect(stepOf(plan, 'cluster-settings.put').diff).toContain('- cluster.remote.us.mode: sniff');
    const [credential, trust, server] = plan.steps.filter(({ kind }) => kind === 'node.change').map(({ diff }) => diff);
    expect(credential).toBe(`- keystore ${CREDENTIALS} = secret:connection/eu/us/api-key@1`);
    expect(trust).toContain(`- file ${BUNDLE}: CA certificates of remote clusters`);
    expect(trust).toContain(`~ elasticsearch.yml\n-   ${CLIENT}.enabled: true`);
    expect(server).toContain('- file remora-remote-cluster-server.p12: PKCS#12 with the certificate of us-2');
    expect(server).toContain(`- keystore ${SERVER}.keystore.secure_password = secret:node/us/us-2/`);
  });

  test.each([
    ['as it comes', () => world({ remote: 3, local: 2 }), {}],
    ['with addresses that Remora added', () => world(), { remoteHost: '_site_', remotePort: 9500 }],
    [
      'with addresses, switches and CAs of others',
      changed((made) => {
        for (const { yml } of made.remote.nodes)
          Object.assign(yml.values, {
            'remote_cluster.port': 9444,
            'remote_cluster_server.enabled': false,
            [`${SERVER}.enabled`]: false,
          });
        Object.assign(local(made).yml.values, {
          [`${CLIENT}.enabled`]: true,
          [`${CLIENT}.certificate_authorities`]: 'theirs.crt',
        });
        for (const node of [...made.remote.nodes, ...made.local.nodes]) {
          node.running.settings = { ...node.yml.values } as typeof node.running.settings;
          node.files['theirs.crt'] = { source: null, certificates: ['their CA'] };
        }
        // Without a credential: over the transport port, by its CAs.
        made.local.persistent['cluster.remote.other.seeds'] = ['10.9.9.9:9300'];
      }),
      {},
    ],
    ['in proxy mode', () => world(), { mode: 'proxy' as const, proxyAddress: 'p.example.com:9443', serverName: 'us' }],
  ])('leaves no trace: %s', (_, make, wish) => {
    const before = make();
    const after = disconnected(connected(make(), wish));
    expect(traces(after)).toEqual(traces(before));
    expect(after).toMatchObject({ connections: [], certificates: [], keys: [] });
    expect(after.cas.map(({ name }) => name)).toEqual(['us-remote']);
  });

  test('goes on from wherever it stopped, and can be made again', () => {
    const made = connected(world({ remote: 2, local: 2 }));
    const { steps } = planOff(made);
    for (const [done] of steps.entries()) {
      const half = applySteps(made, steps.slice(0, done));
      const rest = planOff(half);
      // A reload more than is needed tells a process that may not have been told.
      expect(rest.steps.filter(({ kind }) => kind !== 'secure-settings.reload').length).toBeLessThanOrEqual(
        steps.slice(done).filter(({ kind }) => kind !== 'secure-settings.reload').length,
      );
      const after = applySteps(half, rest.steps);
      expect(traces(after)).toEqual(traces(world({ remote: 2, local: 2 })));
      expect(after.connections).toEqual([]);
    }
    const again = connected(disconnected(made));
    expect(isConnected(again, 'us')).toBe(true);
    expect(again.keys.map(({ record }) => record.secret)).toEqual(['secret:connection/eu/us/api-key@2']);
  });

  test('roles that were made for it stay, and the plan names them with the command that takes them away', () => {
    const of = (...roles: readonly string[]) => planOff(connected(world()), {}, { roles }).warnings;
    expect(of()).toEqual([]);
    expect(of('reader')).toEqual([
      'Role reader of cluster eu, which was made for this connection, stays: `remora roles remove eu us --name reader` takes it away, also afterwards.',
    ]);
    expect(of('copier', 'reader')[0]).toMatch(
      /^The roles copier, reader of cluster eu, .* --name copier` takes the first/,
    );
  });

  test('keeps what takes restarts, if it is asked to', () => {
    const made = connected(world({ remote: 2, local: 1 }));
    const plan = planOff(made, { keepTrust: true, keepServer: true });
    expect(plan).toMatchObject({ restarts: [], outages: [] });
    expect(plan.warnings).toEqual([
      expect.stringMatching(/server of us stays on, with its certificates \(--keep-server\)/),
      expect.stringMatching(/nodes of eu \(--keep-trust\): they trust CA us-remote/),
    ]);
    const after = applySteps(made, plan.steps);
    expect(after.certificates).toHaveLength(2);
    expect(after).toMatchObject({ connections: [], keys: [] });
    expect(local(after).files[BUNDLE]).toBeDefined();
    const back = planIn(after, request());
    expect(back.restarts).toEqual([]);
    const again = applySteps(after, back.steps);
    const last = planOff(again);
    // What somebody wanted kept is theirs from then on.
    expect(last.restarts).toEqual(['eu-1']);
    expect(last.warnings).toEqual([
      expect.stringMatching(/server of us-1, us-2 \(cluster us\) stays on: it is not on record/),
    ]);
    expect(local(applySteps(again, last.steps)).files).toEqual({});
  });
});

describe('beside another connection', () => {
  const both = (wish = {}): World => connected(connected(world({ remote: 2, local: 1 }), wish), { alias: 'second' });

  test('the other one works on, and nobody restarts', () => {
    const made = both();
    const plan = planOff(made);
    expect(plan.restarts).toEqual([]);
    expect(plan.warnings).toEqual(['The remote cluster server of us stays: the connection eu/second uses it.']);
    const after = applySteps(made, plan.steps);
    expect(isConnected(after, 'second')).toBe(true);
    expect(after.connections.map(({ alias }) => alias)).toEqual(['second']);
    expect(after.certificates).toHaveLength(2);
    expect(after.keys.map(({ record, usable }) => [record.secret, usable])).toEqual([
      ['secret:connection/eu/second/api-key@1', true],
    ]);
  });

  test('the last one puts back what the first one found', () => {
    const start = world({ remote: 2, local: 1 });
    const made = both({ remotePort: 9500 });
    expect(made.connections.map(({ alias, found }) => [alias, found?.length ?? 0])).toEqual([
      ['us', 2],
      ['second', 0],
    ]);
    const one = disconnected(made);
    expect(one.connections[0]?.found?.map(({ nodes }) => nodes)).toEqual([['eu/eu-1'], ['us/us-1', 'us/us-2']]);
    expect(traces(disconnected(one, { alias: 'second' }))).toEqual(traces(start));
  });

  test('a CA that only this one needed is trusted no more, without a restart', () => {
    const made = ownCa(both());
    const after = disconnected(made);
    expect(local(after).files[BUNDLE]?.certificates).toEqual(['other']);
    expect(planOff(made).restarts).toEqual([]);
    expect(stepOf(planOff(made), 'node.change').diff).toContain(`~ file ${BUNDLE}: CA certificate of other`);
  });
});
