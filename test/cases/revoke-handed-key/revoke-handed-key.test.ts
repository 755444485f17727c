import { expect, test } from 'vitest';
import type { ClusterKey } from '../../../coordinator/src/plan/keys/cluster-key.ts';
import type { ApiKeyRecord } from '../../../coordinator/src/plan/records.ts';
import { planHandedKeyRevocation } from '../../../coordinator/src/plan/revoke-handed-key/revoke-handed-key.ts';
import { sha256 } from '../connect/facts.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { world } from '../connect/world.ts';
import { handed, withKey } from '../create-key/plans.ts';

const made = withKey(world());
const record = made.keys[0]?.record as ApiKeyRecord;
const key: ClusterKey = {
  ...{ id: record.id, name: record.name, access: { search: [{ names: ['logs-*'] }] } },
  metadata: { managed_by: 'remora', remora: { for: 'team', config: 'x' } },
  ...{ createdAtMs: made.nowMs, expiresAtMs: null, invalidated: false, owner: 'admin', certificateIdentity: null },
};

const plan = (keys: readonly ClusterKey[], records: readonly ApiKeyRecord[] = [record]) =>
  planHandedKeyRevocation(
    { remote: 'us', for: 'team' },
    { keys, records },
    { planId: 'plan-1', now: new Date(made.nowMs).toISOString(), hash: sha256 },
  );
const ids = (keys: readonly ClusterKey[], records?: readonly ApiKeyRecord[]): string[] =>
  plan(keys, records).steps.flatMap((step) => (step.kind === 'api-key.revoke' ? [step.input.id] : []));

test('is invalidated and noted, and the plan says who stops', () => {
  const shown = plan([key]);
  expect(lines(shown)).toEqual(['revoke api-key.revoke us api', 'end inventory.put-back coordinator none']);
  expect(shown).toMatchObject({ workflow: 'revoke-handed-key', clusters: ['us'], restarts: [], outages: [] });
  expect(shown.warnings).toEqual(['Whatever team connects with this key stops at once.']);
  expect(stepOf(shown, 'inventory.put-back').input.records).toEqual([
    { collection: 'apiKeys', id: handed(1), record: { ...record, revoked: true } },
  ]);
});

test('all of theirs: one that a crash left without a record by its mark, one whose metadata somebody took by its record', () => {
  expect(
    ids([
      { ...key, metadata: {} },
      { ...key, id: 'stray' },
    ]),
  ).toEqual([record.id, 'stray']);
});

test('and no other one: of others, of a connection, of people, or dead already', () => {
  const marked = (id: string, remora: object): ClusterKey => ({
    ...key,
    id,
    metadata: { managed_by: 'remora', remora },
  });
  const others = [
    marked('a', { for: 'team-2' }),
    marked('b', { local: 'team', alias: 'team' }),
    { ...key, id: 'c', metadata: { remora: { for: 'team' } } },
    { ...key, id: 'd', invalidated: true },
    { ...key, id: 'e', expiresAtMs: made.nowMs },
  ];
  expect(ids(others)).toEqual([]);
});

test('again there is nothing to do, also where its cluster has forgotten the key by then', () => {
  const revoked = [{ ...record, revoked: true as const }];
  for (const keys of [[{ ...key, invalidated: true }], []])
    expect(plan(keys, revoked)).toMatchObject({ steps: [], stages: [], warnings: [] });
});

test('one that was cut off before it was noted is noted then', () => {
  expect(lines(plan([{ ...key, invalidated: true }]))).toEqual(['end inventory.put-back coordinator none']);
});

test('a name for which nothing was made is refused', () => {
  expect(() => plan([], [])).toThrow(/Cluster us has no key that was made for "team"/);
  expect(() => plan([], [{ ...record, cluster: 'ap' }])).toThrow(/has no key/);
});
