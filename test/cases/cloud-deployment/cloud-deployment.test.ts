import type { CloudChangeRequest, WantedTrust } from '@remora/shared/model/clouds/cloud-change.ts';
import { checkCloudChangeRequest } from '@remora/shared/model/clouds/cloud-change.ts';
import { describe, expect, test } from 'vitest';
import { planCloudChange } from '../../../coordinator/src/plan/cloud-deployment/change.ts';
import type { CloudDeploymentFacts } from '../../../coordinator/src/plan/cloud-deployment/facts.ts';
import type { DirectRelationship } from '../../../coordinator/src/plan/trust/cloud-trust.ts';
import { sha256 } from '../connect/facts.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { caOf } from '../place/world.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

const facts = (more: Partial<CloudDeploymentFacts> = {}): CloudDeploymentFacts => ({
  ...{
    cloud: 'acme',
    id: 'd1',
    name: 'logs',
    refId: 'main',
    entries: [],
    direct: [],
    written: {},
    cas: [caOf('us-ca', NOW)],
    connections: [],
  },
  secretVersions: { 'us-key': 3 },
  ...{ version: '9.1.0', host: 'logs.es.example.com', isChanging: false, lastChangeFailed: false },
  ...more,
});

const ask = (more: Partial<CloudChangeRequest>): CloudChangeRequest => ({ cloud: 'acme', deployment: 'd1', ...more });
const plan = (request: CloudChangeRequest, given = facts(), nowMs = NOW) =>
  planCloudChange(request, given, { planId: 'p', now: new Date(nowMs).toISOString(), hash: sha256 });
const key = (secret: string | null) => ask({ key: { alias: 'us', secret } });
const trust = (wanted: Omit<WantedTrust, 'ca'> | null) =>
  ask({ trust: { name: 'office', wanted: wanted === null ? null : { ca: 'us-ca', ...wanted } } });
const made = (wanted: Omit<WantedTrust, 'ca'>): DirectRelationship | null =>
  stepOf(plan(trust(wanted)), 'cloud.trust').input.relationship;

describe('the key of a remote cluster', () => {
  const entries = ['cluster.remote.us.credentials'];
  const written = { us: 'secret:us-key@3' };

  test('is put into the keystore by reference, and has nothing to do again', () => {
    const first = plan(key('us-key'));
    expect([lines(first), first.clusters, first.restarts]).toEqual([['key cloud.key logs reload'], ['acme/d1'], []]);
    expect(stepOf(first, 'cloud.key')).toMatchObject({
      diff: '+ keystore cluster.remote.us.credentials = secret:us-key@3',
      input: { cloud: 'acme', deployment: 'd1', refId: 'main', alias: 'us', secret: 'secret:us-key@3' },
    });
    expect(plan(key('us-key'), facts({ entries, written })).steps).toEqual([]);
  });

  test.each([
    [
      'a newer version of it',
      facts({ entries, written, secretVersions: { 'us-key': 4 } }),
      /secret:us-key@3\n\+ .*@4$/,
    ],
    ['one that somebody else wrote', facts({ entries }), /a value that Remora did not write\n\+ .*@3$/],
    ['one that somebody took out', facts({ written }), /^\+ .*@3$/],
  ])('takes the place of %s', (_, given, diff) => {
    expect(stepOf(plan(key('us-key'), given), 'cloud.key').diff).toMatch(diff);
  });

  test('is taken out, and nothing where there is none', () => {
    expect(stepOf(plan(key(null), facts({ entries })), 'cloud.key').input.secret).toBeNull();
    expect(plan(key(null)).steps).toEqual([]);
  });

  test('is warned of before 8.14, where it needs a restart', () => {
    expect(plan(key('us-key'), facts({ version: '8.13.4' })).warnings).toEqual([
      expect.stringContaining('Deployment logs is 8.13.4: before 8.14'),
    ]);
    expect(plan(key('us-key')).warnings).toEqual([]);
  });

  test('of a connection is warned of, with what changes it without a gap', () => {
    const connections = [{ local: 'logs', alias: 'us' }];
    const sentence = /The connection logs\/us lives on the key us of deployment logs, .*api-keys rotate logs us/;
    for (const secret of ['us-key', null])
      expect(plan(key(secret), facts({ entries, connections })).warnings).toEqual([expect.stringMatching(sentence)]);
    const other = ask({ key: { alias: 'other', secret: 'us-key' } });
    expect(plan(other, facts({ entries, connections })).warnings).toEqual([]);
    expect(plan(key('us-key'), facts({ entries, written, connections })).warnings).toEqual([]);
  });

  test('that is not stored is refused', () => {
    expect(() => plan(key('nobody'))).toThrow(/There is no secret "nobody"/);
  });
});

describe('whom a deployment trusts', () => {
  const base = { name: 'office', certificates: [{ pem: 'PEM of us-ca' }] };

  test.each<[string, Omit<WantedTrust, 'ca'>, Partial<DirectRelationship>]>([
    ['a scope', { scope: 'acme' }, { type: 'generic', trust_all: true, scope_id: 'acme' }],
    [
      'clusters of a scope',
      { scope: 'acme', clusters: ['us0'] },
      { type: 'generic', trust_all: false, scope_id: 'acme', trust_allowlist: ['us0'] },
    ],
    ['nodes', { nodes: ['n1', 'n2'] }, { type: 'generic', trust_all: false, additional_node_names: ['n1', 'n2'] }],
    ['what stands before a cluster with API keys', {}, { type: 'proxy', trust_all: false }],
  ])('%s, in the form of the API', (_, wanted, relationship) => {
    expect(made(wanted)).toEqual({ ...base, ...relationship });
  });

  test('has nothing to do again, in whatever order names stand; another CA or other names are a change', () => {
    const standing = { uid: 'u', ...base, trust_all: false, additional_node_names: ['n2', 'n1'] };
    const direct = [{ ...standing, name: 'theirs' }, standing];
    expect(plan(trust({ nodes: ['n1', 'n2'] }), facts({ direct })).steps).toEqual([]);
    expect(stepOf(plan(trust({ nodes: ['n1'] }), facts({ direct })), 'cloud.trust').diff).toBe(
      '- trust office: nodes n2, n1, by CA us-ca\n+ trust office: nodes n1, by CA us-ca',
    );
    const other = facts({ direct, cas: [caOf('us-ca', NOW, { certificatePem: 'PEM of another' })] });
    expect(stepOf(plan(trust({ nodes: ['n1', 'n2'] }), other), 'cloud.trust').diff).toBe(
      '- trust office: nodes n2, n1, by CA one that is not in the inventory\n+ trust office: nodes n1, n2, by CA us-ca',
    );
    expect(stepOf(plan(trust(null), facts({ direct })), 'cloud.trust').input.relationship).toBeNull();
    expect(plan(trust(null)).steps).toEqual([]);
  });

  test('is changed before a key has anybody connect there', () => {
    const both = plan({ ...trust({}), ...key('us-key') });
    expect(lines(both)).toEqual(['trust cloud.trust logs api', 'key cloud.key logs reload']);
  });

  test('of a connection is warned of by the same', () => {
    const connections = [{ local: 'logs', alias: 'us' }];
    const direct = [{ ...base, name: 'remora-us', type: 'proxy', trust_all: false }];
    const gone = ask({ trust: { name: 'remora-us', wanted: null } });
    expect(plan(gone, facts({ connections, direct })).warnings[0]).toMatch(
      /^The connection logs\/us lives on the trust remora-us of deployment logs/,
    );
    expect(plan(trust({}), facts({ connections })).warnings.length).toBe(1);
  });

  test('is not told by a name that two have', () => {
    const twice = { ...base, trust_all: false, additional_node_names: ['n1'] };
    const direct = [
      { ...twice, uid: 'u1' },
      { ...twice, uid: 'u2' },
    ];
    expect(() => plan(trust(null), facts({ direct }))).toThrow(/more than one trust called "office"/);
  });

  test('is warned of while somebody else changes the deployment, or failed to', () => {
    const warned = plan(trust({}), facts({ isChanging: true, lastChangeFailed: true })).warnings;
    expect(warned).toEqual([
      expect.stringContaining('as a plan of its own'),
      expect.stringContaining('Another change of deployment logs is being carried out'),
      expect.stringContaining('The last change of deployment logs failed'),
    ]);
    expect(plan(trust({})).warnings.length).toBe(1);
  });

  test('that stands is warned of where the last change of the deployment failed: a plan without a step proves nothing then', () => {
    const standing = made({});
    const given = { direct: standing === null ? [] : [standing] };
    const { steps, warnings } = plan(trust({}), facts({ ...given, lastChangeFailed: true }));
    expect([steps, warnings]).toEqual([
      [],
      [expect.stringContaining('shows the trust that was asked for, and its last')],
    ]);
    expect(plan(trust({}), facts(given)).warnings).toEqual([]);
    expect(plan(key('us-key'), facts({ ...given, lastChangeFailed: true })).warnings).toEqual([]);
  });

  test('a CA that is not known, or has ended, is refused', () => {
    expect(() => plan(trust({}), facts({ cas: [] }))).toThrow(/There is no CA "us-ca"/);
    expect(() => plan(trust({}), facts(), NOW + 3700 * 86_400_000)).toThrow(/CA us-ca ended at/);
  });
});

test.each<[CloudChangeRequest, RegExp]>([
  [ask({}), /Nothing is to change/],
  [ask({ key: { alias: 'US', secret: 'k' } }), /"US" is not an alias of Elastic Cloud: lower-case/],
  [trust({ scope: 'My-Scope' }), /--scope My-Scope: Elastic Cloud takes 1 to 32 lower-case letters and digits/],
  [trust({ clusters: ['us0'] }), /add --scope/],
  [trust({ nodes: ['n*'] }), /--nodes n\*: .* without wildcards/],
])('%j is refused', (request, sentence) => {
  expect(() => checkCloudChangeRequest(request)).toThrow(sentence);
});
