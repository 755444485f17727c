import { describe, expect, test } from 'vitest';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { connectedBy, planOff, planOn, refusalOf } from '../connect-certificate/plans.ts';
import { BUNDLE, carriedOut, cutOff, recordsOf, strangers, trustWorld } from '../connect-certificate/world.ts';
import { planTo } from './plans.ts';

const CREDENTIALS = 'cluster.remote.us.credentials';
const byCertificate = (wish: Parameters<typeof connectedBy>[1] = {}) => connectedBy(trustWorld(), wish);
const proxied = () => byCertificate({ mode: 'proxy', proxyAddress: 'proxy.example.com:9300' });

describe('from certificates to API keys', () => {
  test('all that takes restarts comes first, and the alias leads both ways until every node has proven the key', () => {
    const plan = planTo(byCertificate());
    expect(lines(plan)).toEqual([
      'prepare connection.record coordinator none',
      'prepare ca.create coordinator none',
      'api-key api-key.create us api',
      'certificates certificate.issue us-2 none',
      'certificates certificate.issue us-1 none',
      'remote-roll node.change us-2 restart',
      'remote-roll node.change us-1 restart',
      'remote-verify remote-server.verify us-2 none',
      'remote-verify remote-server.verify us-1 none',
      'local-roll node.change eu-2 restart',
      'local-roll node.change eu-1 restart',
      'handshakes handshake.verify eu-2 none',
      'handshakes handshake.verify eu-1 none',
      'both-ports cluster-settings.put eu api',
      'credentials node.change eu-2 reload',
      'credentials node.change eu-1 reload',
      'reload secure-settings.reload eu-2 reload',
      'reload secure-settings.reload eu-1 reload',
      'prove connection.prove eu none',
      'alias cluster-settings.put eu api',
      'prove-alone connection.prove eu none',
      'record connection.record coordinator none',
    ]);
    expect(stepOf(plan, 'cluster-settings.put').input.persistent).toEqual({
      'cluster.remote.us.seeds': [...['10.0.1.1:9300', '10.0.1.2:9300'], ...['10.0.1.1:9443', '10.0.1.2:9443']],
    });
    expect(plan.stages.find(({ id }) => id === 'reload')).toMatchObject({ mode: 'serial' });
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^Nodes of eu connect anew three times/),
      expect.stringMatching(/users get over us what remote_indices of their roles in cluster eu grant/),
      expect.stringMatching(/go on trusting each other's transport CA: `remora migrate .* --remove-trust`/),
    ]);
  });

  test('at no step is a node cut off, also one that restarts in between', () => {
    const one = byCertificate();
    const after = carriedOut(one, planTo(one).steps, (now, { id }) => {
      expect([id, cutOff(now), strangers(now)]).toEqual([id, [], []]);
      for (const node of now.made.local.nodes) {
        const restarted = structuredClone(now);
        nodeOf(restarted.made.local, node.name).running.credentials = Object.fromEntries(
          Object.entries(node.keystore.entries)
            .filter(([name]) => name === CREDENTIALS)
            .map(([, { reference }]) => ['us', reference]),
        );
        expect([id, cutOff(restarted)]).toEqual([id, []]);
      }
    });
    expect(recordsOf(after)).toMatchObject([
      { auth: 'api_key', alias: 'us', transport: { trusts: { local: ['ca-us'], remote: ['ca-eu'] } } },
    ]);
    expect(after.made.local.persistent['cluster.remote.us.seeds']).toEqual(['10.0.1.1:9443', '10.0.1.2:9443']);
    expect(planTo(after).steps).toEqual([]);
  });

  test('whatever a run that was cut off has left, the same command brings it to the end', () => {
    const one = byCertificate();
    const { steps } = planTo(one);
    const whole = carriedOut(one, steps);
    for (let done = 1; done < steps.length; done += 1) {
      const cut = carriedOut(one, steps.slice(0, done));
      const after = carriedOut(cut, planTo(cut).steps, (now) => expect(cutOff(now)).toEqual([]));
      expect(recordsOf(after)).toEqual(recordsOf(whole));
      expect(after.made.local.persistent).toEqual(whole.made.local.persistent);
    }
  });

  test('other settings of the alias stay as they are', () => {
    const one = byCertificate({ skipUnavailable: false, set: { 'transport.compress': 'true' } });
    const { persistent } = carriedOut(one, planTo(one).steps).made.local;
    expect(persistent).toMatchObject({
      'cluster.remote.us.skip_unavailable': 'false',
      'cluster.remote.us.transport.compress': 'true',
    });
  });

  test('through a proxy the alias leads to the new address once the nodes have the key', () => {
    const plan = planTo(proxied(), { proxyAddress: 'proxy.example.com:9443' });
    expect(plan.stages.find(({ id }) => id === 'reload')).toMatchObject({ mode: 'parallel' });
    const stages = plan.steps.map(({ stage }) => stage);
    expect(stages).not.toContain('both-ports');
    expect(stages.slice(-4)).toEqual(['reload', 'alias', 'prove-alone', 'record']);
    expect(stepOf(plan, 'handshake.verify').input.proxy).toEqual({
      ...{ address: { host: 'proxy.example.com', port: 9443 }, serverName: null },
    });
    expect(plan.warnings[0]).toMatch(/from when nodes of eu have the key until the alias leads to the new address/);
  });

  test('the trust between the transport ports goes where it is asked for, at once or later', () => {
    const one = byCertificate();
    const atOnce = planTo(one, { removeTrust: true });
    expect(lines(atOnce).slice(-7)).toEqual([
      'record connection.record coordinator none',
      'distrust-local-roll node.change eu-2 restart',
      'distrust-local-roll node.change eu-1 restart',
      'distrust-remote-roll node.change us-2 restart',
      'distrust-remote-roll node.change us-1 restart',
      'end connection.prove eu none',
      'end connection.record coordinator none',
    ]);
    const kept = carriedOut(one, planTo(one).steps);
    const later = planTo(kept, { removeTrust: true, search: [] });
    expect(later.stages.map(({ id }) => id)).toEqual(['distrust-local-roll', 'distrust-remote-roll', 'end']);
    for (const after of [carriedOut(one, atOnce.steps), carriedOut(kept, later.steps)]) {
      expect(recordsOf(after)[0]).not.toHaveProperty('transport');
      expect([strangers(after), cutOff(after)]).toEqual([[], []]);
      for (const { files, yml } of [...after.made.local.nodes, ...after.made.remote.nodes]) {
        expect(files).not.toHaveProperty([BUNDLE]);
        expect(yml.values['xpack.security.transport.ssl.certificate_authorities']).toEqual(['transport-ca.crt']);
      }
      expect(planTo(after, { removeTrust: true }).steps).toEqual([]);
    }
  });

  test('of one that has its key already nothing is looked at but where it leads: the plan says so', () => {
    const one = byCertificate();
    const after = carriedOut(one, planTo(one).steps);
    const again = planTo(after, { search: ['metrics-*'] });
    expect(again.steps).toEqual([]);
    expect(again.warnings).toEqual([expect.stringMatching(/^The connection eu\/us is one by API key already/)]);
    expect(refusalOf(() => planTo(after, { remote: 'ap' })).message).toMatch(/--remote ap: .* leads to us/);
  });

  test('what another connection by certificate needs stays', () => {
    const one = connectedBy(byCertificate(), { alias: 'second' });
    const after = carriedOut(one, planTo(one, { removeTrust: true }).steps);
    expect([cutOff(after), cutOff(after, 'second')]).toEqual([[], []]);
    expect(nodeOf(after.made.local, 'eu-1').files).toHaveProperty([BUNDLE]);
  });

  test('one that somebody made by hand is taken on where it leads to the cluster that is named', () => {
    const one = byCertificate();
    one.records = [];
    const plan = planTo(one, { remote: 'us' });
    expect(plan.warnings[2]).toMatch(/stays, since Remora did not place it/);
    const after = carriedOut(one, plan.steps, (now) => expect(cutOff(now)).toEqual([]));
    expect(recordsOf(after)).toMatchObject([{ auth: 'api_key', alias: 'us' }]);
    expect(recordsOf(after)[0]).not.toHaveProperty('transport');
    one.made.local.persistent['cluster.remote.us.seeds'] = ['10.9.9.9:9300'];
    expect(refusalOf(() => planTo(one, { remote: 'us' })).message).toMatch(
      /leads to 10\.9\.9\.9:9300, and no node of cluster us publishes its transport port there/,
    );
  });

  test.each([
    [
      'a key that somebody put into a keystore',
      () => {
        const one = byCertificate();
        nodeOf(one.made.local, 'eu-1').keystore.entries[CREDENTIALS] = { reference: null, writtenAtMs: null };
        return planTo(one);
      },
      /keystore of node eu-1 \(cluster eu\) has cluster\.remote\.us\.credentials with a value that Remora did not write/,
    ],
    [
      'taking it apart half-way',
      () => {
        const one = byCertificate();
        return planOff(carriedOut(one, planTo(one).steps.slice(0, 5)));
      },
      /eu\/us is half-way to API keys: bring it there with `remora migrate eu us --to api_key`, or take that run back/,
    ],
    [
      'taking it apart half-way beside another one, for which all but the key was there',
      () => {
        const one = byCertificate();
        const second = connectedBy(carriedOut(one, planTo(one).steps), { alias: 'second' });
        const { steps } = planTo(second, { alias: 'second' });
        const placed = steps.findIndex(({ stage }) => stage === 'credentials');
        return planOff(carriedOut(second, steps.slice(0, placed + 1)), { alias: 'second' });
      },
      /eu\/second is half-way to API keys/,
    ],
    [
      'making it by certificate again half-way',
      () => {
        const one = byCertificate();
        return planOn(carriedOut(one, planTo(one).steps.slice(0, 1)));
      },
      /eu\/us is half-way to API keys/,
    ],
    [
      'the trust to be taken off alone, while there is no key',
      () => planTo(byCertificate(), { removeTrust: true, search: [] }),
      /is one by certificate still, and its key must grant something/,
    ],
    [
      'a proxy without its new address',
      () => planTo(proxied()),
      /goes through a proxy at proxy\.example\.com:9300: give --proxy-address/,
    ],
    [
      'another remote cluster than on record',
      () => planTo(byCertificate(), { remote: 'ap' }),
      /--remote ap: the connection eu\/us leads to us/,
    ],
    [
      'a basic licence, which API keys need more than',
      () => {
        const one = byCertificate();
        one.made.remote.license = { type: 'basic', active: true };
        return planTo(one);
      },
      /licence of cluster us is basic/,
    ],
    ['an alias that is not there', () => planTo(trustWorld(), { remote: 'us' }), /Cluster eu has no connection "us"/],
  ])('is refused with %s', (_, plan, message) => {
    expect(refusalOf(plan).message).toMatch(message);
  });
});
