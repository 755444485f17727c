import { describe, expect, test } from 'vitest';
import type { ConnectionRecord } from '../../../../../coordinator/src/plan/connection/connection-records.ts';
import type { ClusterKey } from '../../../../../coordinator/src/plan/keys/cluster-key.ts';
import { markedMetadata } from '../../../../../coordinator/src/plan/keys/key-names.ts';
import type { ApiKeyRecord } from '../../../../../coordinator/src/plan/records.ts';
import { keyViews } from '../../../../../coordinator/src/services/keys/key-views.ts';

const nowMs = Date.parse('2026-06-01T12:00:00Z');
const DAY_MS = 86_400_000;
const configHash = 'a-hash-that-is-longer-than-its-part';
const secret = 'secret:connection/eu/us/api-key@1';

const connection: ConnectionRecord = {
  ...{ local: 'eu', remote: 'us', alias: 'us', auth: 'api_key', mode: 'sniff', ca: 'us-remote', keySecret: secret },
  ...{ access: { search: [{ names: ['logs-*'] }] }, expires: '90d', settings: [] },
};
const record: ApiKeyRecord = { secret, cluster: 'us', id: 'k1', name: 'remora-eu-us-x', expiresAtMs: null, configHash };
const key = (more: Partial<ClusterKey> = {}): ClusterKey => ({
  ...{ id: 'k1', name: 'remora-eu-us-x', access: connection.access, owner: 'remora', certificateIdentity: null },
  metadata: markedMetadata({}, { local: 'eu', local_cluster_uuid: 'u', alias: 'us', configHash }),
  ...{ createdAtMs: nowMs - 10 * DAY_MS, expiresAtMs: nowMs + 80 * DAY_MS, invalidated: false },
  ...more,
});
const views = (keys: readonly ClusterKey[] | string, connections = [connection]) =>
  keyViews({ clusters: new Map([['us', keys]]), connections, records: [record], nowMs });

describe('a key', () => {
  test('that is well says nothing', () => {
    expect(views([key()])).toEqual({
      keys: [
        {
          ...{ cluster: 'us', id: 'k1', name: 'remora-eu-us-x', invalidated: false, owner: 'remora', managed: true },
          ...{ expiresAt: '2026-08-20T12:00:00.000Z', createdAt: '2026-05-22T12:00:00.000Z', connections: ['eu/us'] },
          ...{ access: 'search logs-*', level: 'ok', findings: [] },
        },
      ],
      problems: [],
    });
  });

  const again = '`remora api-keys rotate eu us`';
  test.each<[string, Partial<ClusterKey>, string, string]>([
    [
      'was invalidated',
      { invalidated: true },
      'critical',
      `It was invalidated. eu/us does not work with it: ${again} gives it another.`,
    ],
    [
      'has ended',
      { expiresAtMs: nowMs - 1 },
      'critical',
      `It has ended. eu/us does not work with it: ${again} gives it another.`,
    ],
    [
      'ends soon',
      { expiresAtMs: nowMs + DAY_MS },
      'warning',
      `It ends at 2026-06-02T12:00:00.000Z, and eu/us with it: ${again} replaces it.`,
    ],
    [
      'grants something else',
      { access: { search: [{ names: ['*'] }] } },
      'warning',
      `It was changed by somebody: for eu/us it shall grant search logs-*. ${again} makes one that does.`,
    ],
    [
      'has other metadata',
      { metadata: { ...key().metadata, remora: { local: 'eu', alias: 'us', config: 'other' } } },
      'warning',
      `Its metadata was changed by somebody. ${again} makes one that has what is on record.`,
    ],
  ])('that %s', (_, more, level, sentence) => {
    expect(views([key(more)]).keys).toMatchObject([{ level, findings: [sentence], connections: ['eu/us'] }]);
  });

  test('that no connection has, made by Remora, is found; one of others is not, nor one that is dead', () => {
    const others = [key({ id: 'k2', metadata: {} }), key({ id: 'k3', invalidated: true })];
    const { keys } = views([key(), key({ id: 'k4' }), ...others]);
    expect(keys.map(({ id, connections, findings }) => [id, connections, findings])).toEqual([
      ['k1', ['eu/us'], []],
      [
        'k4',
        [],
        [`eu/us, for which it was made, has another key on record: ${again} goes on with it or invalidates it.`],
      ],
      ['k2', [], []],
      ['k3', [], []],
    ]);
    expect(views([key({ id: 'k4' })], []).keys[0]?.findings.join()).toContain(
      'made for eu/us, which is not on record here',
    );
  });

  test('that its cluster does not know is told where a connection has it, unless the cluster did not answer', () => {
    expect(views([]).problems).toEqual([
      `eu/us has API key remora-eu-us-x (k1) on record, which cluster us does not know (any more): ${again} gives it another.`,
    ]);
    expect(views('Cluster us does not answer.')).toEqual({ keys: [], problems: ['Cluster us does not answer.'] });
  });

  test('that is valid comes first, the one that ends next before the others', () => {
    const ids = ['late', 'never', 'soon', 'dead'];
    const ends = [nowMs + 9 * DAY_MS, null, nowMs + 1, nowMs];
    const keys = ids.map((id, i) => key({ id, expiresAtMs: ends[i] ?? null, invalidated: id === 'dead' }));
    expect(views(keys).keys.map(({ id }) => id)).toEqual(['soon', 'late', 'never', 'dead']);
  });
});
