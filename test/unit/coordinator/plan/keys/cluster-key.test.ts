import { describe, expect, test } from 'vitest';
import type { Access } from '../../../../../coordinator/src/plan/connection/connection-records.ts';
import {
  accessInWords,
  isKeyMostlyOver,
  refusedIndex,
  sameAccess,
} from '../../../../../coordinator/src/plan/keys/cluster-key.ts';

describe('an index that a key does not grant', () => {
  test.each<[Access, string | null]>([
    [{ search: [{ names: ['logs-*'] }] }, 'remora-key-check'],
    [{ replication: [{ names: ['archive-*'] }] }, 'remora-key-check'],
    // System indices are granted only where the key says so.
    [{ search: [{ names: ['*'] }] }, '.tasks-remora-key-check'],
    [{ search: [{ names: ['logs-*'] }, { names: ['re?ora*'] }] }, '.tasks-remora-key-check'],
    [{ search: [{ names: ['logs-*'], allow_restricted_indices: true }] }, 'remora-key-check'],
    [{ search: [{ names: ['/remora.*/'], allow_restricted_indices: false }] }, '.tasks-remora-key-check'],
    [{ search: [{ names: ['*'], allow_restricted_indices: true }] }, null],
    [{ search: [{ names: ['logs-*'] }], replication: [{ names: ['*'] }] }, '.tasks-remora-key-check'],
  ])('%j: %s', (access, index) => {
    expect(refusedIndex(access)).toBe(index);
  });
});

describe('whether two keys grant the same', () => {
  const wanted: Access = { search: [{ names: ['logs-*'], query: { term: { team: 'a' } } }] };
  test.each<[string, Access, boolean]>([
    [
      'with what Elasticsearch adds',
      { search: [{ names: ['logs-*'], query: '{"term":{"team":"a"}}', allow_restricted_indices: false }] },
      true,
    ],
    ['in another order', { search: [{ query: { term: { team: 'a' } }, names: ['logs-*'] }] }, true],
    ['of other documents', { search: [{ names: ['logs-*'], query: '{"term":{"team":"b"}}' }] }, false],
    ['with a query that is no JSON', { search: [{ names: ['logs-*'], query: 'x' }] }, false],
    ['of all documents', { search: [{ names: ['logs-*'] }] }, false],
    [
      'of system indices too',
      { search: [{ ...wanted.search?.[0], names: ['logs-*'], allow_restricted_indices: true }] },
      false,
    ],
    ['to replicate too', { ...wanted, replication: [{ names: ['logs-*'] }] }, false],
  ])('%s', (_, other, isSame) => {
    expect(sameAccess(wanted, other)).toBe(isSame);
  });
});

test('what a key grants, in words', () => {
  expect(accessInWords({ search: [{ names: ['a', 'b-*'] }], replication: [{ names: ['c'] }] })).toBe(
    'search a, b-*, replicate c',
  );
  const one = { names: ['a'], field_security: { grant: ['x'] }, query: '{}', allow_restricted_indices: true };
  expect(accessInWords({ search: [one, { names: ['b'] }] })).toBe(
    'search a (some fields, documents of a query, system indices too); b',
  );
  expect(accessInWords({})).toBe('nothing');
});

test('two thirds of a life are over when a third is left', () => {
  const of = (leftMs: number) => isKeyMostlyOver({ createdAtMs: 0, expiresAtMs: 900 }, 900 - leftMs);
  expect([of(301), of(300), of(0), of(-1)]).toEqual([false, true, true, true]);
  expect(isKeyMostlyOver({ createdAtMs: 0, expiresAtMs: null }, 1e15)).toBe(false);
});
