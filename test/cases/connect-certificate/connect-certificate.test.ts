import { describe, expect, test } from 'vitest';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { traces } from '../disconnect/plans.ts';
import { connectedBy, planOff, planOn, refusalOf } from './plans.ts';
import { AUTHORITIES, BUNDLE, carriedOut, cutOff, strangers, TRANSPORT, type TrustWorld, trustWorld } from './world.ts';

const nodes = ({ made }: TrustWorld) => [...made.local.nodes, ...made.remote.nodes];
const bent = (change: (one: TrustWorld) => void, one: TrustWorld = trustWorld()): TrustWorld => {
  change(one);
  return one;
};

/** Has the nodes of `us` let in these names alone. */
const restrict = ({ made }: TrustWorld, trustedNames: string[]): void => {
  for (const node of made.remote.nodes) {
    node.yml.values[`${TRANSPORT}.trust_restrictions.path`] = 'trust.yml';
    node.files['trust.yml'] = { source: null, certificates: [], trustedNames };
  }
};

describe('a connection by certificate', () => {
  test('nodes that restrict trust by names are connected where these let the other side in', () => {
    const one = trustWorld();
    restrict(one, ['*.node.eu0.cluster.7.account']);
    one.otherNames.eu = ['eu-1.node.eu0.cluster.7.account'];
    expect(cutOff(connectedBy(one))).toEqual([]);
  });

  test('two CAs: every node of both clusters trusts the other side before the alias leads there', () => {
    const plan = planOn(trustWorld());
    expect(lines(plan)).toEqual([
      'prepare connection.record coordinator none',
      'remote-roll node.change us-2 restart',
      'remote-roll node.change us-1 restart',
      'local-roll node.change eu-2 restart',
      'local-roll node.change eu-1 restart',
      'connect cluster-settings.put eu api',
      'connect connection.prove eu none',
    ]);
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^Connections by certificate are deprecated since Elasticsearch 9.0/),
      expect.stringMatching(/one security domain: .* a superuser of eu may read everything on us/),
    ]);
    expect(stepOf(plan, 'connection.prove').input).toMatchObject({ keySecret: null });
    expect(stepOf(plan, 'cluster-settings.put').diff).toContain(
      '+ cluster.remote.us.seeds: [10.0.1.1:9300, 10.0.1.2:9300]',
    );
    expect(stepOf(plan, 'node.change', 'us-1').diff).toContain(`+   ${AUTHORITIES}: ["transport-ca.crt", "${BUNDLE}"]`);
    expect(stepOf(plan, 'connection.record').input.connection).toMatchObject({
      auth: 'certificate',
      trusts: { local: ['ca-us'], remote: ['ca-eu'] },
    });
    const after = carriedOut(trustWorld(), plan.steps, (one) => expect(strangers(one)).toEqual([]));
    expect(nodes(after).map(({ files }) => files[BUNDLE]?.certificates)).toEqual([
      ...[['ca-us'], ['ca-us'], ['ca-eu'], ['ca-eu']],
    ]);
    expect(planOn(after).steps).toEqual([]);
  });

  test('settings of the alias in a file too: it is said which win', () => {
    const one = bent(({ made }) => {
      const inFile = { 'cluster.remote.us.seeds': ['h:9300'], 'cluster.remote.us.skip_unavailable': false };
      Object.assign(nodeOf(made.local, 'eu-2').yml.values, inFile);
    }, connectedBy(trustWorld()));
    expect(planOn(one)).toMatchObject({
      steps: [],
      warnings: [expect.stringMatching(/ of seeds those of the cluster's settings win; skip_unavailable is in force/)],
    });
  });

  test('one CA: nothing of trust is to do', () => {
    const plan = planOn(trustWorld({ local: 'one', remote: 'one' }));
    expect(lines(plan)).toEqual([
      'prepare connection.record coordinator none',
      'connect cluster-settings.put eu api',
      'connect connection.prove eu none',
    ]);
    expect(plan).toMatchObject({ restarts: [], outages: [] });
  });

  test('a truststore gives way to PEM files with what it held', () => {
    const one = trustWorld({}, { remote: 'truststore' });
    const plan = planOn(one);
    expect(stepOf(plan, 'node.change', 'us-1').diff).toContain(`-   ${TRANSPORT}.truststore.path: certs/transport.p12`);
    const after = carriedOut(one, plan.steps, (now) => expect(strangers(now)).toEqual([]));
    const { files, yml } = nodeOf(after.made.remote, 'us-1');
    expect(yml.values[AUTHORITIES]).toEqual(['remora-transport-found.crt', BUNDLE]);
    expect(files['remora-transport-found.crt']?.certificates).toEqual(['ca-us']);
    expect(planOn(after).steps).toEqual([]);
  });

  test('a node whose file is named already gets a further CA without a restart', () => {
    const one = bent((made) => {
      for (const node of made.made.remote.nodes)
        node.files[BUNDLE] = { source: 'x', certificates: ['ca-of-a-third-cluster'] };
    }, connectedBy(trustWorld()));
    const plan = planOn(one);
    expect(lines(plan)).toEqual([
      'remote-files node.change us-2 file',
      'remote-files node.change us-1 file',
      'connect connection.prove eu none',
    ]);
    const after = carriedOut(one, plan.steps);
    expect(nodeOf(after.made.remote, 'us-1').files[BUNDLE]?.certificates.sort()).toEqual([
      ...['ca-eu', 'ca-of-a-third-cluster'],
    ]);
  });

  test('whatever a run that was cut off has left, the same command brings it to the end', () => {
    const { steps } = planOn(trustWorld());
    for (let done = 1; done < steps.length; done += 1) {
      const cut = carriedOut(trustWorld(), steps.slice(0, done));
      const after = carriedOut(cut, planOn(cut).steps);
      expect(cutOff(after)).toEqual([]);
      expect(after.records).toEqual(connectedBy(trustWorld()).records);
      expect(planOn(after).steps).toEqual([]);
    }
  });

  test('other values: the alias alone changes', () => {
    const plan = planOn(connectedBy(trustWorld()), { skipUnavailable: false });
    expect(lines(plan)).toEqual([
      'prepare connection.record coordinator none',
      'connect cluster-settings.put eu api',
      'connect connection.prove eu none',
    ]);
  });

  test.each<[string, (one: TrustWorld) => void, RegExp]>([
    [
      'a key in a keystore',
      ({ made }) => {
        nodeOf(made.local, 'eu-2').keystore.entries['cluster.remote.us.credentials'] = {
          reference: null,
          writtenAtMs: null,
        };
      },
      /keystore of node eu-2 \(cluster eu\) has cluster\.remote\.us\.credentials, which makes the connection one by API key/,
    ],
    [
      'a version that the other side does not speak to',
      ({ made }) => {
        made.remote.version = '8.18.0';
        for (const node of made.remote.nodes) node.version = '8.18.0';
      },
      /Cluster us is 8\.18\.0, and cluster eu \(9\.5\.3\) speaks to 8\.19\.0 or later only/,
    ],
    [
      'an upgrade that goes on',
      ({ made }) => {
        nodeOf(made.local, 'eu-1').version = '9.6.0';
      },
      /eu is in the middle of an upgrade/,
    ],
    [
      'security off',
      ({ made }) => {
        made.remote.security = 'off';
      },
      /Security is off on cluster us/,
    ],
    [
      'a transport port without TLS',
      ({ made }) => {
        nodeOf(made.remote, 'us-1').yml.values[`${TRANSPORT}.enabled`] = false;
      },
      /elasticsearch\.yml of node us-1 \(cluster us\) does not say xpack\.security\.transport\.ssl\.enabled: true/,
    ],
    [
      'names that trust_restrictions demands',
      ({ made }) => {
        nodeOf(made.remote, 'us-1').yml.values[`${TRANSPORT}.trust_restrictions.path`] = 'trust.yml';
      },
      /us-1 \(cluster us\) trusts by .*trust_restrictions\.path \(trust\.yml\), and whom that lets in is not known: .*trust-restrictions set us/,
    ],
    [
      'restrictions by names of which the other nodes have none',
      (one) => restrict(one, ['*.node.eu0.cluster.7.account']),
      /us-1 .* lets in \*\.node\.eu0\.cluster\.7\.account, and node eu-\d \(cluster eu\) has no name .*certs place --cluster eu --purpose transport/,
    ],
    [
      'restrictions that let in other names',
      (one) => {
        restrict(one, ['*.node.us0.cluster.7.account']);
        one.otherNames.eu = ['eu-1.node.eu0.cluster.7.account'];
      },
      /has eu-1\.node\.eu0\.cluster\.7\.account: let it in first, with --allow '\*\.node\.eu0\.cluster\.7\.account' .*trust-restrictions set us/,
    ],
    [
      'a node without an agent',
      ({ made }) => {
        nodeOf(made.remote, 'us-2').agent = 'missing';
      },
      /us-2 .*no agent/,
    ],
    [
      'a path that is closed',
      ({ made }) => {
        made.network['10.0.1.1:9300'] = 'timeout';
      },
      /Node eu-1 got no answer from 10\.0\.1\.1:9300: that is what a firewall looks like/,
    ],
    [
      'an alias of somebody else',
      ({ made }) => {
        made.local.persistent['cluster.remote.us.seeds'] = ['10.9.9.9:9300'];
      },
      /The alias us exists on cluster eu already \(in its cluster settings\) and was not made by Remora/,
    ],
    [
      'a transient setting',
      ({ made }) => {
        made.local.transient['cluster.remote.us.seeds'] = ['10.9.9.9:9300'];
      },
      /transient setting cluster\.remote\.us\.seeds/,
    ],
  ])('is refused with %s', (_, change, message) => {
    expect(refusalOf(() => planOn(bent(change))).message).toMatch(message);
  });

  test('is refused where a truststore holds a CA that no port sends', () => {
    const one = trustWorld({}, { local: 'truststore' });
    one.more.eu = ['ca-of-others'];
    expect(refusalOf(() => planOn(one)).message).toMatch(
      /eu-1 \(cluster eu\) trusts CA CN=ca-of-others .* would be lost/,
    );
  });

  test('works on a basic licence, and with versions that speak to each other', () => {
    const one = bent(({ made }) => {
      for (const cluster of [made.local, made.remote]) cluster.license = { type: 'basic', active: true };
      made.remote.version = '8.19.21';
      made.remote.minimumWireCompatibility = '7.17.0';
      for (const node of made.remote.nodes) node.version = '8.19.21';
    });
    expect(planOn(one).steps.length).toBeGreaterThan(0);
  });
});

describe('taking a connection by certificate apart', () => {
  test.each([
    ['PEM files', trustWorld()],
    ['truststores', trustWorld({}, { local: 'truststore', remote: 'truststore' })],
    ['one CA', trustWorld({ local: 'one', remote: 'one' })],
  ])('leaves nothing with %s', (_, fresh) => {
    const one = connectedBy(fresh);
    const after = carriedOut(one, planOff(one).steps, (now) => expect(strangers(now)).toEqual([]));
    expect(traces(after.made)).toEqual(traces(fresh.made));
    expect(after.records).toEqual([]);
  });

  test('beside another one the file stays, and the last of them puts everything back', () => {
    const one = connectedBy(connectedBy(trustWorld()), { alias: 'second' });
    const first = planOff(one);
    expect(lines(first)).toEqual([
      'alias cluster-settings.put eu api',
      'end connection.record coordinator none',
      'end inventory.put-back coordinator none',
    ]);
    const between = carriedOut(one, first.steps);
    expect(cutOff(between, 'second')).toEqual([]);
    const after = carriedOut(between, planOff(between, { alias: 'second' }).steps);
    expect(traces(after.made)).toEqual(traces(trustWorld().made));
  });

  test('the trust stays where it is asked for', () => {
    const one = connectedBy(trustWorld());
    const plan = planOff(one, { keepTrust: true });
    expect(plan.restarts).toEqual([]);
    expect(plan.warnings).toEqual([expect.stringMatching(/stay on the nodes of eu and us \(--keep-trust\)/)]);
  });

  test('a CA on which a cluster lives itself by then stays', () => {
    const one = connectedBy(trustWorld());
    // The nodes of eu were given certificates of the CA of us since, which they trust by that file alone.
    one.cas.eu = 'ca-us';
    const plan = planOff(one);
    expect(plan.steps.filter(({ target }) => target.startsWith('eu-'))).toEqual([]);
    expect(plan.warnings).toEqual([expect.stringMatching(/^CN=ca-us stays in remora-transport-remote-cas\.crt/)]);
    expect(strangers(carriedOut(one, plan.steps))).toEqual([]);
  });

  test('half-way it plans what is left', () => {
    const one = connectedBy(trustWorld());
    const { steps } = planOff(one);
    for (let done = 1; done < steps.length; done += 1) {
      const cut = carriedOut(one, steps.slice(0, done));
      expect(traces(carriedOut(cut, planOff(cut).steps).made)).toEqual(traces(trustWorld().made));
    }
  });

  test('is refused where an alias that Remora does not manage may live on the trust', () => {
    const one = connectedBy(trustWorld());
    one.made.remote.persistent['cluster.remote.theirs.seeds'] = ['10.0.2.1:9300'];
    expect(refusalOf(() => planOff(one)).message).toMatch(/Cluster us has the alias theirs, .* give --keep-trust/);
    expect(planOff(one, { keepTrust: true }).restarts).toEqual([]);
  });

  test('--keep-server is refused, since there is none', () => {
    expect(refusalOf(() => planOff(connectedBy(trustWorld()), { keepServer: true })).message).toMatch(/--keep-server/);
  });
});
