import { describe, expect, test } from 'vitest';
import { includesPattern, overlapPatterns } from '../../../../coordinator/src/plan/keys/patterns.ts';
import { beyondKey, type KeyGrants } from '../../../../coordinator/src/plan/roles/key-coverage.ts';

describe('whether all that one pattern matches is matched by another', () => {
  test.each([
    ['*', 'logs-*', true],
    ['logs-*', 'logs-1', true],
    ['logs-*', 'logs-*-eu', true],
    ['logs-*-eu', 'logs-*', false],
    ['*a*', '*ba*b*', true],
    ['logs-?', 'logs-1', true],
    ['logs-?', 'logs-12', false],
    ['logs-?', 'logs-*', false],
    ['logs-*', 'log*', false],
    ['logs', 'logs', true],
    ['logs.1', 'logsx1', false],
    ['', 'a', false],
    ['/log.*/', 'logs-1', true],
    ['logs-*', '/logs-.*/', false],
    ['/logs-.*/', '/logs-.*/', true],
    ['*', '/logs-.*/', true],
  ])('%s includes %s: %s', (outer, inner, answer) => {
    expect(includesPattern(outer, inner)).toBe(answer);
  });

  test('many wildcards do not make it slow', () => {
    expect(includesPattern(`${'*a'.repeat(150)}b`, 'a*'.repeat(150))).toBe(false);
    expect(overlapPatterns(`${'*a'.repeat(150)}b`, `${'*a'.repeat(150)}c`)).toBe(false);
  });
});

test.each([
  ['logs-*', '*-eu', true],
  ['logs-*', 'metrics-*', false],
  ['logs-?', 'logs-', false],
  ['a*b', '*c', false],
  ['*', '', true],
  ['/x/', 'y', true],
])('names that %s and %s both match: %s', (one, other, answer) => {
  expect([overlapPatterns(one, other), overlapPatterns(other, one)]).toEqual([answer, answer]);
});

describe('what a role grants and the key does not', () => {
  const search = ['read', 'read_cross_cluster', 'view_index_metadata'];
  const key: KeyGrants = {
    cluster: ['cross_cluster_search', 'monitor_enrich'],
    indices: [{ names: ['logs-*'], privileges: search }],
  };
  const over = (names: readonly string[], privileges: readonly string[] = search, more: object = {}) => ({
    remote_indices: [{ clusters: ['us'], names, privileges, ...more }],
  });

  test('is nothing where the key has it', () => {
    expect(beyondKey(over(['logs-1', 'logs-*']), 'us', key)).toEqual([]);
    const cluster = { remote_cluster: [{ clusters: ['*'], privileges: ['monitor_enrich', 'monitor_stats'] }] };
    expect(beyondKey(cluster, 'us', key)).toEqual([]);
  });

  test('is named by pattern and heading, once', () => {
    expect(beyondKey(over(['metrics-*', '*']), 'us', key)).toEqual([
      'us:metrics-* is not in search of the key',
      'us:* goes beyond search of the key, which has logs-*',
    ]);
    expect(beyondKey(over(['logs-*'], ['cross_cluster_replication']), 'us', key)).toEqual([
      'us:logs-* is not in replication of the key',
    ]);
    expect(beyondKey(over(['logs-*'], ['all']), 'us', key)).toEqual([
      'us:logs-* is not in the privilege all of the key',
    ]);
    expect(beyondKey(over(['/l.*/']), 'us', key)).toEqual([
      'us:/l.*/ is a regular expression, which cannot be compared with what the key grants',
    ]);
  });

  test('is looked for over aliases with wildcards, and not over others', () => {
    const role = over(['x']);
    expect(
      beyondKey({ remote_indices: role.remote_indices.map((one) => ({ ...one, clusters: ['u*'] })) }, 'us', key),
    ).toHaveLength(1);
    expect(beyondKey(role, 'eu', key)).toEqual([]);
  });

  test('is also what the key narrows: system indices, fields, documents, and privileges on the cluster itself', () => {
    expect(beyondKey(over(['logs-*'], search, { allow_restricted_indices: true }), 'us', key)).toEqual([
      'us:logs-* covers system indices, and the key has no allow_restricted_indices there',
    ]);
    const narrow = { ...key, indices: key.indices.map((one) => ({ ...one, field_security: {}, query: '{}' })) };
    expect(beyondKey(over(['logs-*']), 'us', narrow)).toEqual([
      'us:logs-* is narrowed by the key to some fields',
      'us:logs-* is narrowed by the key to documents of a query',
    ]);
    const cluster = { remote_cluster: [{ clusters: ['us'], privileges: ['monitor_stats'] }] };
    expect(beyondKey(cluster, 'us', { cluster: ['cross_cluster_replication'], indices: [] })).toEqual([
      'us: monitor_stats on the remote cluster itself is not in the key',
    ]);
  });
});
