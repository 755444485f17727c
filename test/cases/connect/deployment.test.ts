import type { RemoraError } from '@remora/shared/errors.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { describe, expect, test } from 'vitest';
import { caOf } from '../place/world.ts';
import { applySteps } from './apply.ts';
import { cloudConnected as connected, cloudPlan as plan } from './deployments.ts';
import { lines, stepOf } from './plans.ts';
import { isConnected } from './truth.ts';
import { changed, cloudWorld, type DeploymentWorld, deploymentIn, type World } from './world.ts';

const bent = (change: (made: World, deployment: DeploymentWorld) => void, make = cloudWorld): World =>
  changed((made) => change(made, deploymentIn(made)), make)();
const cloudLines = (made: World, more: Partial<ConnectRequest> = {}): string[] =>
  lines(plan(made, more)).filter((line) => !/^(certificates|remote-|prepare)/.test(line));
const KEY = 'secret:connection/eu/us/api-key@1';

describe('a deployment in Elastic Cloud that connects', () => {
  test('gets the trust, the key, the alias and the proof, in this order, and no node of it is touched', () => {
    const made = plan(cloudWorld());
    expect(cloudLines(cloudWorld())).toEqual([
      'api-key api-key.create us api',
      'cloud-trust cloud.trust logs api',
      'cloud-key cloud.key logs reload',
      'connect cluster-settings.put eu api',
      'connect connection.prove eu none',
    ]);
    expect(stepOf(made, 'cloud.trust').input).toEqual({
      ...{ cloud: 'acme', deployment: 'd1', name: 'remora-us', cas: ['us-remote'] },
      relationship: { name: 'remora-us', type: 'proxy', trust_all: false, certificates: [] },
    });
    expect(stepOf(made, 'cloud.key').input).toMatchObject({ alias: 'us', secret: KEY, refId: 'main' });
    expect(stepOf(made, 'cluster-settings.put').input.persistent).toMatchObject({
      'cluster.remote.us.mode': 'proxy',
      'cluster.remote.us.proxy_address': 'proxy.us.example.com:9443',
      'cluster.remote.us.server_name': 'us.example.com',
    });
    expect([made.clusters, made.restarts]).toEqual([
      ['eu', 'us', 'acme/d1'],
      ['us-2', 'us-1'],
    ]);
    expect(made.warnings).toEqual([
      expect.stringContaining('Elastic Cloud carries a change of deployment logs out as a plan of its own'),
    ]);
  });

  test('works then, and the same command again has nothing to do', () => {
    const after = connected();
    expect([isConnected(after, 'us'), plan(after).steps]).toEqual([true, []]);
    expect(deploymentIn(after)).toMatchObject({ written: { us: KEY }, direct: [{ name: 'remora-us' }] });
  });

  test('is finished by the same command wherever it was cut off', () => {
    const { steps } = plan(cloudWorld());
    for (let count = 0; count <= steps.length; count += 1) {
      const cut = applySteps(cloudWorld(), steps.slice(0, count));
      const after = applySteps(cut, plan(cut).steps);
      expect([count, isConnected(after, 'us'), plan(after).steps]).toEqual([count, true, []]);
    }
  });

  test('is told no CA where what stands before the remote cluster has a public one', () => {
    const made = bent((one) => {
      one.proxyCa = 'public';
    });
    expect(cloudLines(made, { proxyCa: 'public' })).not.toContainEqual(expect.stringContaining('cloud.trust'));
    const after = connected(made, { proxyCa: 'public' });
    expect([isConnected(after, 'us'), plan(after, { proxyCa: 'public' }).steps]).toEqual([true, []]);
  });

  test('trusts the CA of a proxy where one is named, and that is what goes when it is public later', () => {
    const made = bent((one) => {
      one.proxyCa = 'front';
      one.cas.push(caOf('front', one.nowMs));
    });
    const after = connected(made, { proxyCa: 'front' });
    expect(deploymentIn(after).direct.map(({ certificates }) => certificates)).toEqual([[{ pem: 'PEM of front' }]]);
    expect([isConnected(after, 'us'), plan(after, { proxyCa: 'front' }).steps]).toEqual([true, []]);
    expect(lines(plan(after, { proxyCa: 'public' }))).toContain('cloud-trust cloud.trust logs api');
    expect(stepOf(plan(after, { proxyCa: 'public' }), 'cloud.trust').input.relationship).toBeNull();
  });

  test('is given no trust of its own where people gave it one with the same CA', () => {
    const made = bent((one, deployment) => {
      one.cas.push(caOf('us-remote', one.nowMs));
      const certificates = [{ pem: 'PEM of us-remote' }];
      deployment.direct.push({ name: 'proxy of us', type: 'proxy', trust_all: false, certificates });
    });
    expect(cloudLines(made)).not.toContainEqual(expect.stringContaining('cloud.trust'));
    expect(isConnected(connected(made), 'us')).toBe(true);
  });

  test('trusts both CAs while one takes the place of the other', () => {
    const after = bent(
      (one) => {
        one.cas = one.cas.map((ca) => ({ ...ca, successor: 'us-remote-2' }));
        one.cas.push(caOf('us-remote-2', one.nowMs));
      },
      () => connected(),
    );
    expect(stepOf(plan(after), 'cloud.trust').input.cas).toEqual(['us-remote', 'us-remote-2']);
  });

  test('is given its key once more where everything is in place and nothing is proven', () => {
    const after = bent(
      (one) => {
        one.proxyCa = 'another';
      },
      () => connected(),
    );
    expect(lines(plan(after))).toEqual(['cloud-key cloud.key logs reload', 'connect connection.prove eu none']);
  });

  test('gets back a key that somebody took out, and is told of a key that others took the place of', () => {
    const out = bent(
      (_, deployment) => {
        deployment.entries = [];
      },
      () => connected(),
    );
    expect(lines(plan(out))).toContain('cloud-key cloud.key logs reload');
    const other = bent(
      (_, deployment) => {
        deployment.written = { us: 'secret:theirs@1' };
      },
      () => connected(),
    );
    expect(stepOf(plan(other), 'cloud.key').diff).toBe(
      `- keystore cluster.remote.us.credentials = secret:theirs@1\n+ keystore cluster.remote.us.credentials = ${KEY}`,
    );
  });

  test('with --limit only the remote nodes are set up, and the deployment is left', () => {
    const made = plan(cloudWorld(), { nodes: ['us-1'] });
    expect(made.steps.map(({ kind }) => kind)).not.toContain('cloud.key');
    expect(made.warnings).toContainEqual(expect.stringContaining('further steps are left'));
  });
});

describe('it is refused', () => {
  const refusal = (made: World, more: Partial<ConnectRequest> = {}): RemoraError => {
    try {
      plan(made, more);
    } catch (error) {
      return error as RemoraError;
    }
    return expect.fail('it was not refused');
  };
  const keyOfOthers = bent((_, { entries }) => entries.push('cluster.remote.us.credentials'));
  const twice = bent((_, { direct }) => {
    for (const pem of ['a', 'b'])
      direct.push({ name: 'remora-us', type: 'proxy', trust_all: false, certificates: [{ pem }] });
  });
  const old = bent((made) => {
    made.local.version = '8.13.4';
  });
  const remote = changed((made) => {
    made.remote.deployment = deploymentIn(made);
    delete made.local.deployment;
  }, cloudWorld)();
  const both = bent((made, deployment) => {
    made.remote.deployment = deployment;
  });
  const none = changed((made) => {
    delete made.local.deployment;
  }, cloudWorld)();

  test.each<[string, World, Partial<ConnectRequest>, RegExp]>([
    [
      'without a proxy',
      cloudWorld(),
      { mode: 'sniff', proxyAddress: '', serverName: '' },
      /in proxy mode only: give --mode proxy/,
    ],
    ['by an alias in upper case', cloudWorld(), { alias: 'US' }, /lower case only: write us\.$/],
    [
      'with signed requests',
      cloudWorld(),
      { certificateIdentity: 'CN=x' },
      /places no signing certificate on its nodes/,
    ],
    ['with the alias in files', cloudWorld(), { staticNodes: 'all' }, /leave --static and --static-nodes out/],
    ['with a key of others under the alias', keyOfOthers, {}, /clouds key acme d1 us --remove/],
    ['with two trusts of the name', twice, {}, /more than one trust called "remora-us"/],
    ['before 8.14', old, {}, /8\.13\.4: API keys between clusters need 8\.14/],
    ['with a CA that is not there', cloudWorld(), { proxyCa: 'front' }, /There is no CA "front"/],
    [
      'as the remote cluster',
      remote,
      { expires: '90d' },
      /\(acme\/d1\), .*`remora api-keys create us --for eu --search 'logs-\*' --expires 90d --out BUNDLE`, then give `remora connect eu --alias us --remote-key-file BUNDLE`\.$/,
    ],
    [
      'as the remote cluster of another deployment',
      both,
      { search: [], access: { search: [{ names: ['a'] }] } },
      /--for eu --access FILE --out BUNDLE`, then give `remora clouds key acme d1 us --secret NAME`/,
    ],
    ['with --proxy-ca where it is none', none, { proxyCa: 'public' }, /--proxy-ca is for deployments/],
  ])('%s', (_, made, more, sentence) => {
    const { code, message, findings = [] } = refusal(made, more);
    expect([code, [message, ...findings].some((one) => sentence.test(one))]).toEqual([
      expect.stringMatching(/preflight-failed|conflict|bad-input/),
      true,
    ]);
  });
});
