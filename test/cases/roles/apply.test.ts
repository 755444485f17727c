import { describe, expect, test } from 'vitest';
import type { RoleBody } from '../../../coordinator/src/plan/roles/role-definition.ts';
import { apply, bob, byCertificates, byKey, errorOf, roleIn, side, usersOf, wish } from './plans.ts';

const follow = ['monitor', 'read', 'write', 'manage_follow_index'];

/** As Elasticsearch answers what it was given: with defaults. */
const answered = (role: RoleBody | null): RoleBody => ({
  ...{ cluster: [], indices: [], applications: [], run_as: [] },
  ...role,
  remote_indices: (role?.remote_indices ?? []).map((grant) => ({ allow_restricted_indices: false, ...grant })),
});

describe('where a key lets users in', () => {
  test('the role to search is made on the local cluster alone, marked as made by Remora and for what', () => {
    const plan = apply(wish(), byKey());
    expect(plan).toMatchObject({ workflow: 'apply-role', clusters: ['eu'], restarts: [], outages: [], warnings: [] });
    expect(plan.steps.map(({ kind, target }) => [kind, target])).toEqual([['role.put', 'eu']]);
    expect(roleIn(plan, 'eu')).toEqual({
      ...{ cluster: [], indices: [] },
      remote_indices: [
        { clusters: ['us'], names: ['logs-*'], privileges: ['read', 'read_cross_cluster', 'view_index_metadata'] },
      ],
      metadata: {
        managed_by: 'remora',
        remora: {
          ...{ local: 'eu', remote: 'us', alias: 'us', auth: 'api_key', wish: { search: ['logs-*'] }, users: [] },
          config: expect.stringMatching(/^[0-9a-f]{16}$/),
        },
      },
    });
    expect(plan.steps[0]?.diff).toBe(
      '+ role reader\n+   remote_indices over us: logs-*: read, read_cross_cluster, view_index_metadata',
    );
  });

  test('the role to replicate has manage_ccr, and what it needs of the indices that follow here', () => {
    const { search: _, ...copies } = wish({ replication: ['logs-*'], followers: ['copy-*'] });
    expect(roleIn(apply(copies, byKey()), 'eu')).toMatchObject({
      cluster: ['manage_ccr'],
      indices: [{ names: ['copy-*'], privileges: follow }],
      remote_indices: [{ clusters: ['us'], names: ['logs-*'], privileges: ['cross_cluster_replication'] }],
    });
    const { followers: __, ...same } = copies;
    expect(roleIn(apply(same, byKey()), 'eu')?.indices).toEqual([{ names: ['logs-*'], privileges: follow }]);
  });

  test('readers of indices here, privileges on the remote cluster itself and system indices are granted when asked for', () => {
    const plan = apply(wish({ localRead: ['logs-*'], remoteCluster: ['monitor_stats'], restricted: true }), byKey());
    expect(roleIn(plan, 'eu')).toMatchObject({
      indices: [{ names: ['logs-*'], privileges: ['read', 'view_index_metadata'] }],
      remote_indices: [{ names: ['logs-*'], allow_restricted_indices: true }],
      remote_cluster: [{ clusters: ['us'], privileges: ['monitor_stats'] }],
    });
    expect(roleIn(plan, 'eu')?.indices).toHaveLength(1);
  });

  test('what the key does not cover is a warning each, also where it cannot be told', () => {
    expect(apply(wish({ search: ['metrics-*', 'logs-1'] }), byKey()).warnings).toEqual([
      expect.stringMatching(
        /^Role reader: us:metrics-\* is not in search of the key\. .*`remora connect eu us --alias us`/,
      ),
    ]);
    expect(apply(wish(), byKey({ key: 'Cluster us does not answer.' })).warnings).toEqual([
      'Whether the key of the connection covers role reader cannot be told: Cluster us does not answer.',
    ]);
  });

  test('patterns that look as if they covered system indices are a warning', () => {
    const sentence = '.kibana*: system indices are not among them without --restricted.';
    expect(apply(wish({ search: ['.kibana*'] }), byKey()).warnings).toContain(sentence);
    expect(apply(wish({ search: ['.kibana*'], restricted: true }), byKey()).warnings).not.toContain(sentence);
    expect(apply(wish({ search: ['*'] }), byKey()).warnings).toContain(sentence.replace('.kibana*', '*'));
  });
});

describe('where certificates let users in', () => {
  test('a role of one name is made on both sides; to search, that of the local one is empty', () => {
    const plan = apply(wish(), byCertificates());
    expect(plan.clusters).toEqual(['us', 'eu']);
    expect(roleIn(plan, 'us')).toMatchObject({
      ...{ cluster: [], indices: [{ names: ['logs-*'], privileges: ['read', 'read_cross_cluster'] }] },
      metadata: { managed_by: 'remora' },
    });
    const { metadata: _, ...mine } = roleIn(plan, 'eu') ?? {};
    expect(mine).toEqual({ cluster: [], indices: [] });
  });

  test('to replicate, each side has its own', () => {
    const { search: _, ...copies } = wish({ replication: ['leader'], followers: ['follower'] });
    const plan = apply(copies, byCertificates());
    expect(roleIn(plan, 'us')).toMatchObject({
      ...{ cluster: ['read_ccr'], indices: [{ names: ['leader'], privileges: ['monitor', 'read'] }] },
    });
    expect(roleIn(plan, 'eu')).toMatchObject({
      ...{ cluster: ['manage_ccr'], indices: [{ names: ['follower'], privileges: follow }] },
    });
  });

  test('users of Kibana read here too, and see the mappings there; a cluster that is a remote of itself asks for more', () => {
    const kibana = wish({ localRead: ['logs-*'] });
    const plan = apply(kibana, byCertificates());
    expect(roleIn(plan, 'eu')?.indices).toEqual([{ names: ['logs-*'], privileges: ['read', 'view_index_metadata'] }]);
    expect(roleIn(plan, 'us')?.indices).toEqual([
      { names: ['logs-*'], privileges: ['read', 'read_cross_cluster', 'view_index_metadata'] },
    ]);
    expect(plan.warnings).toContainEqual(expect.stringContaining('needs read_cross_cluster on logs-* there too'));
    const itself = apply(kibana, byCertificates({ isItself: true }));
    expect(roleIn(itself, 'eu')?.indices?.[0]?.privileges).toContain('read_cross_cluster');
    expect(itself.warnings.join()).not.toContain('read_cross_cluster');
  });

  test('the plan says who else needs rights: requests by an API key, and those on behalf of others', () => {
    const { warnings } = apply(wish(), byCertificates());
    expect(warnings).toEqual([
      expect.stringMatching(/log in by an API key are judged by what that key may do in cluster eu/),
      expect.stringMatching(/on behalf of others needs run_as on cluster us/),
    ]);
  });

  test('privileges on the remote cluster itself are refused: there its role says them', () => {
    const refusal = errorOf(() => apply(wish({ remoteCluster: ['monitor_stats'] }), byCertificates()));
    expect(refusal).toMatchObject({ code: 'bad-input', message: expect.stringContaining('is one by certificates') });
  });
});

describe('given again', () => {
  const made = roleIn(apply(wish(), byKey()), 'eu');

  test('there is nothing to do, however Elasticsearch writes the role', () => {
    expect(apply(wish(), byKey({ local: side('eu', { role: answered(made) }) }))).toMatchObject({
      steps: [],
      stages: [],
    });
  });

  test('what somebody changed becomes what it was, and what is not about clusters and indices stays', () => {
    const changed = { ...answered(made), cluster: ['all'], applications: [{ application: 'kibana-.kibana' }] };
    const plan = apply(wish(), byKey({ local: side('eu', { role: changed }) }));
    expect(plan.steps[0]?.diff).toBe('  role reader\n-   cluster: all');
    expect(roleIn(plan, 'eu')).toMatchObject({ cluster: [], applications: [{ application: 'kibana-.kibana' }] });
  });

  test('with other patterns the role has those, and no more the former ones', () => {
    const plan = apply(wish({ search: ['logs-1'] }), byKey({ local: side('eu', { role: answered(made) }) }));
    expect(roleIn(plan, 'eu')?.remote_indices?.map(({ names }) => names)).toEqual([['logs-1']]);
  });
});

describe('who gets it', () => {
  const secret = 'secret:users/eu/ann';
  const ann = { name: 'ann', password: secret };

  test('is made with the password by its reference, and noted', () => {
    const plan = apply(wish({ user: ann }), byKey({ user: { name: 'ann', body: null, password: 'other' } }));
    expect(usersOf(plan)).toEqual([
      {
        ...{ cluster: 'eu', name: 'ann', password: `${secret}@2`, expected: null },
        user: {
          ...{ roles: ['reader'], full_name: null, email: null, enabled: true },
          metadata: { managed_by: 'remora', remora: { password: `${secret}@2` } },
        },
      },
    ]);
    expect(roleIn(plan, 'eu')?.metadata?.remora).toMatchObject({ users: ['ann'] });
  });

  test('keeps the other roles, the name and the password', () => {
    const plan = apply(
      wish({ user: { name: 'bob' } }),
      byKey({ user: { name: 'bob', body: bob(['viewer']), password: 'none' } }),
    );
    expect(usersOf(plan)).toMatchObject([{ name: 'bob', password: null, user: bob(['viewer', 'reader']) }]);
  });

  test('had it before: then it was not Remora that gave it', () => {
    const plan = apply(
      wish({ user: { name: 'bob' } }),
      byKey({ user: { name: 'bob', body: bob(['reader']), password: 'none' } }),
    );
    expect(usersOf(plan)).toEqual([]);
    expect(roleIn(plan, 'eu')?.metadata?.remora).toMatchObject({ users: [] });
  });

  test('on the local cluster only, also where the role is on both', () => {
    const plan = apply(wish({ user: ann }), byCertificates({ user: { name: 'ann', body: null, password: 'other' } }));
    expect(plan.steps.map(({ kind, target }) => [kind, target])).toEqual([
      ['role.put', 'us'],
      ['role.put', 'eu'],
      ['user.put', 'eu'],
    ]);
  });

  test.each([
    ['there is none, and no password', null, 'none', /There is no user ann of cluster eu/],
    ['the password is too short', null, 'short', /takes 6 characters or more/],
    ['the password is another one', bob([]), 'other', /who does not log in with the password/],
    ['Elasticsearch brings it', bob([], { metadata: { _reserved: true } }), 'none', /Elasticsearch brings/],
  ] as const)('is refused where %s', (_, body, password, sentence) => {
    const user = password === 'none' ? { name: 'ann' } : ann;
    const refusal = errorOf(() => apply(wish({ user }), byKey({ user: { name: 'ann', body, password } })));
    expect(refusal.message).toMatch(sentence);
  });
});

describe('a role that is there', () => {
  const theirs: RoleBody = {
    ...{ cluster: ['monitor'], indices: [{ names: ['x'], privileges: ['read'] }] },
    ...{ applications: [{ application: 'kibana' }], metadata: { team: 'x' } },
  };

  test('and that others made is refused by name, unless it is adopted: then the plan says what it loses', () => {
    const facts = byKey({ local: side('eu', { role: theirs }) });
    const refusal = errorOf(() => apply(wish(), facts));
    expect(refusal.message).toBe('Cluster eu has a role reader already, which Remora did not make.');
    const plan = apply(wish({ adopt: true }), facts);
    expect(plan.steps[0]?.diff).toContain('-   cluster: monitor\n-   indices x: read\n+   remote_indices over us');
    expect(roleIn(plan, 'eu')).toMatchObject({
      ...{ cluster: [], indices: [], applications: [{ application: 'kibana' }] },
      metadata: { team: 'x', managed_by: 'remora', remora: { adopted: true } },
    });
  });

  test('and that Elasticsearch brings, or that is of another connection, is refused whatever is given', () => {
    const reserved = side('eu', { role: { metadata: { _reserved: true } } });
    expect(errorOf(() => apply(wish({ adopt: true }), byKey({ local: reserved }))).message).toMatch(
      /Elasticsearch brings/,
    );
    const other = roleIn(
      apply(wish({ alias: 'two' }), byKey({ connection: { ...byKey().connection, alias: 'two' } })),
      'eu',
    );
    expect(errorOf(() => apply(wish({ adopt: true }), byKey({ local: side('eu', { role: other }) }))).message).toBe(
      'Role reader of cluster eu was made for the connection eu/two, not for eu/us.',
    );
  });

  test("and that Remora's own user has is refused on either side, whatever is given: Remora would lock itself out", () => {
    const own = { role: { cluster: ['manage_security'], metadata: { managed_by: 'remora' } }, ownRoles: ['reader'] };
    for (const facts of [byKey({ local: side('eu', own) }), byCertificates({ remote: side('us', own) })]) {
      const refusal = errorOf(() => apply(wish({ adopt: true }), facts));
      expect(refusal).toMatchObject({ code: 'conflict', message: expect.stringContaining("of Remora's own user") });
    }
  });

  test('on the other side is looked at too', () => {
    expect(errorOf(() => apply(wish(), byCertificates({ remote: side('us', { role: theirs }) }))).message).toMatch(
      /^Cluster us has a role reader already/,
    );
  });
});

test.each([
  ['8.14.3', [], '--remote-cluster monitor_stats: cluster eu (8.14.3) knows no such privileges, which came with 8.15.'],
  ['8.15.0', ['monitor_enrich'], '--remote-cluster monitor_stats: cluster eu (8.15.0) knows monitor_enrich.'],
])('a privilege that version %s does not know is refused', (version, known, sentence) => {
  const facts = byKey({ local: side('eu', { version }), remoteClusterPrivileges: known });
  expect(errorOf(() => apply(wish({ remoteCluster: ['monitor_stats'] }), facts)).message).toBe(sentence);
});

test('without manage_security nothing is planned, on either side', () => {
  const lacking = { missingPrivileges: ['manage_security'] };
  for (const facts of [byKey({ local: side('eu', lacking) }), byCertificates({ remote: side('us', lacking) })])
    expect(errorOf(() => apply(wish(), facts))).toMatchObject({ code: 'preflight-failed' });
});
