import { describe, expect, test } from 'vitest';
import type { RoleBody } from '../../../../../coordinator/src/plan/roles/role-definition.ts';
import { keyChecks, pairChecks, roleViews } from '../../../../../coordinator/src/services/connections/role-views.ts';
import { apply, bob, byCertificates, byKey, roleIn, wish } from '../../../../cases/roles/plans.ts';

const made = roleIn(apply(wish(), byKey()), 'eu') ?? {};
const over = (clusters: readonly string[]): RoleBody => ({
  remote_indices: [{ clusters, names: ['metrics-*'], privileges: ['read'] }],
});
const found = (cluster: string, roles: Readonly<Record<string, RoleBody>>) => ({
  cluster,
  roles: new Map(Object.entries(roles)),
  users: new Map([
    ['bob', bob(['reader'])],
    ['ann', bob(['reader', 'x'])],
  ]),
});
const at = byKey().connection;
const byTls = byCertificates().connection;
const viewsOf = (roles: Readonly<Record<string, RoleBody>>) => roleViews(found('eu', roles), [at]);

describe('the list of roles', () => {
  test('has those that have to do with connections, whoever made them, with who has them', () => {
    const roles = { reader: made, 'by-hand': over(['*']), viewer: { cluster: ['monitor'] }, superuser: reserved() };
    expect(viewsOf(roles)).toMatchObject([
      { name: 'by-hand', managed: false, connection: null, users: [], drift: [] },
      { name: 'reader', managed: true, connection: 'eu/us', users: ['ann', 'bob'], drift: [] },
    ]);
  });

  test('says what became different of those that Remora made, and nothing of defaults that Elasticsearch adds', () => {
    const [own] = made.remote_indices ?? [];
    const answered = { ...made, run_as: [], remote_indices: [{ allow_restricted_indices: false, ...own }] };
    expect(viewsOf({ reader: answered as RoleBody })[0]?.drift).toEqual([]);
    const changed = { ...made, remote_indices: [], cluster: ['all'] };
    expect(viewsOf({ reader: changed })[0]?.drift).toEqual([
      'It has lost remote_indices over us: logs-*: read, read_cross_cluster, view_index_metadata.',
      'It has gained cluster: all.',
    ]);
  });

  test('says where the connection is another one by now, or none: users may have nothing of it, or something of another cluster', () => {
    const driftWith = (...connections: Parameters<typeof roleViews>[1]) =>
      roleViews(found('eu', { reader: made }), connections)[0]?.drift;
    expect(driftWith()).toEqual([
      'The connection eu/us is not on record any more: `remora roles remove eu us --name reader` takes the role away.',
    ]);
    expect(driftWith(byTls)).toEqual([
      expect.stringMatching(/^It was made for a connection by API key, and eu\/us is one by certificates now, where/),
    ]);
    expect(driftWith({ ...at, remote: 'asia' })).toEqual([
      expect.stringMatching(/^It was made for cluster us, and eu\/us leads to asia now: `remora roles apply eu us/),
    ]);
  });

  test('is not broken by what somebody wrote into the mark of a role', () => {
    for (const remora of [{}, null, 'x', { ...(made.metadata?.remora as object), wish: { search: 5 } }]) {
      const [view] = viewsOf({ reader: { ...made, metadata: { managed_by: 'remora', remora } } });
      expect(view).toMatchObject({ connection: null, drift: [] });
    }
  });
});

describe('the check of a connection', () => {
  const { key } = byKey();
  const grants = typeof key === 'object' ? key : { cluster: [], indices: [] };

  test('names each role that grants more than the key, those of wildcards too, and not what Elasticsearch brings', () => {
    const roles = { reader: made, 'by-hand': over(['u*']), other: over(['two']), superuser: reserved() };
    expect(keyChecks(found('eu', roles), at, grants)).toEqual([
      {
        ...{ cluster: 'eu', name: 'by-hand', managed: false, ok: false },
        findings: ['us:metrics-* is not in search of the key.'],
      },
      { cluster: 'eu', name: 'reader', managed: true, ok: true, findings: [] },
    ]);
  });

  test('by certificates looks whether both sides have the role', () => {
    const plan = apply(wish(), byCertificates());
    const [here, there] = [roleIn(plan, 'eu') ?? {}, roleIn(plan, 'us') ?? {}];
    const [eu, us] = [found('eu', { reader: here }), found('us', { reader: there })];
    expect(pairChecks(eu, us, byTls).map(({ cluster, ok }) => [cluster, ok])).toEqual([
      ['eu', true],
      ['us', true],
    ]);
    expect(pairChecks(eu, found('us', {}), byTls)).toMatchObject([
      { cluster: 'eu', ok: false, findings: [expect.stringContaining('Cluster us has no role of this name')] },
    ]);
    const [check] = pairChecks(eu, found('us', { reader: { ...there, indices: [] } }), byTls).slice(1);
    expect(check?.findings).toEqual(['It has lost indices logs-*: read, read_cross_cluster.']);
  });

  test('by certificates leaves roles of others, whose remote_indices mean nothing there', () => {
    const [eu, us] = [found('eu', { 'by-hand': over(['*']) }), found('us', { back: over(['us']) })];
    expect(pairChecks(eu, us, byTls)).toEqual([]);
  });

  test('of one on the remote cluster that an API key does not need says how it goes', () => {
    const reader = roleIn(apply(wish(), byCertificates()), 'us') ?? {};
    expect(roleViews(found('us', { reader }), [at])).toMatchObject([
      { drift: [expect.stringMatching(/needs no role here: `remora migrate eu us --to api_key --remove-roles`/)] },
    ]);
  });

  test('tells a role that was made before the connection came to API keys, and gives nothing any more', () => {
    const reader = roleIn(apply(wish(), byCertificates()), 'eu') ?? {};
    expect(keyChecks(found('eu', { reader }), at, grants)).toMatchObject([
      { ok: false, findings: [expect.stringMatching(/by certificates, and eu\/us is one by API key now/)] },
    ]);
  });
});

function reserved(): RoleBody {
  return { ...over(['*']), metadata: { _reserved: true } };
}
