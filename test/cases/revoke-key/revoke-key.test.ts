import { describe, expect, test } from 'vitest';
import type { ClusterKey } from '../../../coordinator/src/plan/keys/cluster-key.ts';
import { planKeyRevocation } from '../../../coordinator/src/plan/revoke-key/revoke-key.ts';
import { sha256 } from '../connect/facts.ts';
import { keyFacts, standing } from '../rotate-key/plans.ts';

const made = standing();
const [connection] = made.connections;
const key = keyFacts(made).keys[0]?.key;
if (!connection || !key) throw new Error('there is no connection');

const plan = (keys: readonly ClusterKey[], records = made.keys.map(({ record }) => record)) =>
  planKeyRevocation(
    { local: 'eu', alias: 'us' },
    { connection, localUuid: 'uuid-eu', keys, records },
    { planId: 'plan-1', now: new Date(made.nowMs).toISOString(), hash: sha256 },
  );
const ids = (keys: readonly ClusterKey[], records = made.keys.map(({ record }) => record)) =>
  plan(keys, records).steps.flatMap(({ input }) => ('ids' in input ? input.ids : []));

describe('the keys of a connection are revoked', () => {
  test('and the plan says that it stops', () => {
    const shown = plan([key]);
    expect(shown).toMatchObject({ workflow: 'revoke-key', clusters: ['us'], restarts: [], outages: [] });
    expect(shown.steps).toMatchObject([
      {
        ...{ kind: 'api-keys.revoke', target: 'us', diff: `- key ${key.name} (${key.id})` },
        input: { cluster: 'us', local: 'eu', alias: 'us', localUuid: 'uuid-eu', ids: [key.id] },
      },
    ]);
    expect(shown.warnings).toEqual([
      expect.stringMatching(/^The connection eu\/us stops at once, .*`remora api-keys rotate eu us`/),
    ]);
  });

  test('all that let somebody in: also one that is not on record, by what it says, and one whose metadata somebody took', () => {
    const bare = { ...key, metadata: {} };
    expect(ids([bare, { ...key, id: 'stray', createdAtMs: key.createdAtMs + 1 }])).toEqual([key.id, 'stray']);
    expect(ids([bare], [])).toEqual([]);
  });

  test('and it stays the same plan whichever keys there are: a run that it waited for may have made another', () => {
    const { hash } = plan([key]);
    expect(plan([key, { ...key, id: 'new' }]).hash).toBe(hash);
    expect(plan([]).hash).toBe(hash);
    const elsewhere = planKeyRevocation(
      { local: 'eu', alias: 'us' },
      { connection: { ...connection, remote: 'ap' }, localUuid: 'uuid-eu', keys: [key], records: [] },
      { planId: 'plan-1', now: new Date(made.nowMs).toISOString(), hash: sha256 },
    );
    expect(elsewhere.hash).not.toBe(hash);
  });

  test('and no other one: of another connection, of another cluster of that name, or dead already', () => {
    const mark = key.metadata.remora as object;
    const strange = (more: object, id: string): ClusterKey => ({
      ...key,
      id,
      metadata: { ...key.metadata, remora: { ...mark, ...more } },
    });
    const others = [
      strange({ alias: 'two' }, 'a'),
      strange({ local: 'ap' }, 'b'),
      strange({ local_cluster_uuid: 'x' }, 'c'),
      { ...key, id: 'd', metadata: { team: 'x' } },
      { ...key, id: 'e', invalidated: true },
      { ...key, id: 'f', expiresAtMs: made.nowMs },
    ];
    expect(plan(others)).toMatchObject({ steps: [], stages: [], warnings: [] });
  });
});
