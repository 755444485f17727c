import { describe, expect, test } from 'vitest';
import type { RoleBody } from '../../../../coordinator/src/plan/role-definition.ts';
import { keyChecks, pairChecks, roleViews } from '../../../../coordinator/src/services/role-views.ts';
import { apply, bob, byCertificates, byKey, roleIn, wish } from '../../../cases/roles/plans.ts';

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
const at = { local: 'eu', alias: 'us' };

describe('the list of roles', () => {
  test('has those that have to do with connections, whoever made them, with who has them', () => {
    const roles = { reader: made, 'by-hand': over(['*']), viewer: { cluster: ['monitor'] }, superuser: reserved() };
    expect(roleViews(found('eu', roles))).toMatchObject([
      { name: 'by-hand', managed: false, connection: null, users: [], drift: [] },
      { name: 'reader', managed: true, connection: 'eu/us', users: ['ann', 'bob'], drift: [] },
    ]);
  });

  test('says what became different of those that Remora made, and nothing of defaults that Elasticsearch adds', () => {
    const [own] = made.remote_indices ?? [];
    const answered = { ...made, run_as: [], remote_indices: [{ allow_restricted_indices: false, ...own }] };
    expect(roleViews(found('eu', { reader: answered as RoleBody }))[0]?.drift).toEqual([]);
    const changed = { ...made, remote_indices: [], cluster: ['all'] };
    expect(roleViews(found('eu', { reader: changed }))[0]?.drift).toEqual([
      'It has lost remote_indices over us: logs-*: read, read_cross_cluster, view_index_metadata.',
      'It has gained cluster: all.',
    ]);
  });
});

describe('the check of a connection', () => {
  const { key } = byKey();
  const grants = typeof key === 'object' ? key : null;

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
    expect(pairChecks(eu, us, at).map(({ cluster, ok }) => [cluster, ok])).toEqual([
      ['eu', true],
      ['us', true],
    ]);
    expect(pairChecks(eu, found('us', {}), at)).toMatchObject([
      { cluster: 'eu', ok: false, findings: [expect.stringContaining('Cluster us has no role of this name')] },
    ]);
    const [check] = pairChecks(eu, found('us', { reader: { ...there, indices: [] } }), at).slice(1);
    expect(check?.findings).toEqual(['It has lost indices logs-*: read, read_cross_cluster.']);
  });
});

function reserved(): RoleBody {
  return { ...over(['*']), metadata: { _reserved: true } };
}
