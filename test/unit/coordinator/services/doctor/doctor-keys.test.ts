import { expect, test } from 'vitest';
import type {
  ConnectionRecord,
  ForeignConnectionRecord,
} from '../../../../../coordinator/src/plan/connection/connection-records.ts';
import type { ClusterKey } from '../../../../../coordinator/src/plan/keys/cluster-key.ts';
import { markedMetadata } from '../../../../../coordinator/src/plan/keys/key-names.ts';
import { keyLines } from '../../../../../coordinator/src/services/doctor/doctor-keys.ts';

const nowMs = Date.parse('2026-06-01T12:00:00Z');
const DAY_MS = 86_400_000;
const configHash = 'a-hash-that-is-longer-than-its-part';

const connection = (alias: string): ConnectionRecord => ({
  ...{
    local: 'eu',
    remote: 'us',
    alias,
    auth: 'api_key',
    mode: 'sniff',
    ca: 'us-remote',
    expires: '90d',
    settings: [],
  },
  ...{ keySecret: `secret:connection/eu/${alias}/api-key@1`, access: { search: [{ names: ['logs-*'] }] } },
});
const key = (alias: string, more: Partial<ClusterKey> = {}): ClusterKey => ({
  ...{ id: alias, name: `remora-eu-${alias}-x`, access: connection(alias).access, owner: 'remora' },
  ...{ certificateIdentity: null, invalidated: false },
  metadata: markedMetadata({}, { local: 'eu', local_cluster_uuid: 'u', alias, configHash }),
  ...{ createdAtMs: nowMs - 10 * DAY_MS, expiresAtMs: nowMs + 80 * DAY_MS },
  ...more,
});
const lines = (
  keys: readonly ClusterKey[] | string,
  aliases: readonly string[],
  others: ForeignConnectionRecord[] = [],
) => {
  const connections = aliases.map(connection);
  const records = connections.map(({ alias, keySecret: secret }) => ({
    ...{ secret, cluster: 'us', id: alias, name: `remora-eu-${alias}-x`, expiresAtMs: null, configHash },
  }));
  const facts = {
    clusters: new Map([
      ['us', keys],
      ['quiet', []],
    ]),
    connections,
    records,
    nowMs,
  };
  return keyLines(facts, [...connections, ...others]);
};

test('keys that are well are a line a cluster, with the one that ends first; a cluster that made none has no line', () => {
  const soon = new Date(nowMs + 70 * DAY_MS).toISOString();
  expect(lines([key('a'), key('b', { expiresAtMs: nowMs + 70 * DAY_MS })], ['a', 'b'])).toEqual([
    { check: 'API keys us', ok: true, detail: `2 of connections, the first ends at ${soon}` },
  ]);
  expect(lines([key('a', { expiresAtMs: null })], ['a'])[0]?.detail).toBe('1 of connections, without end');
});

test('a key that lived two thirds of its life is told, after those that do not work', () => {
  const [line] = lines(
    [
      key('old', { createdAtMs: nowMs - 80 * DAY_MS, expiresAtMs: nowMs + 10 * DAY_MS }),
      key('dead', { invalidated: true }),
    ],
    ['old', 'dead', 'gone'],
  );
  expect(line).toMatchObject({ check: 'API keys us', ok: false });
  expect(line?.detail).toMatch(
    /^eu\/gone has API key .* does not know .* remora-eu-dead-x: It was invalidated\. .* remora-eu-old-x: It ends at 2026-06-11T12:00:00\.000Z/,
  );
});

test('of many three are told, and the others counted', () => {
  const aliases = ['a', 'b', 'c', 'd', 'e'];
  const [line] = lines(
    aliases.map((alias) => key(alias, { invalidated: true })),
    aliases,
  );
  expect(line?.detail.match(/It was invalidated/g)).toHaveLength(3);
  expect(line?.detail).toMatch(/ And 2 more: see `remora api-keys list`\.$/);
});

test('of a cluster that does not answer nothing is said to be well', () => {
  expect(lines('no answer', ['a'])).toEqual([
    { check: 'API keys not seen', ok: true, detail: 'skipped: those of us cannot be asked for' },
  ]);
});

test('a key of a cluster that others run is told a month before its end', () => {
  const foreign = (days: number | null): ForeignConnectionRecord => ({
    ...{
      local: 'eu',
      alias: 'partner',
      auth: 'api_key',
      mode: 'proxy',
      cas: [],
      keySecret: 'secret:x@1',
      settings: [],
    },
    foreign: { name: 'theirs', clusterUuid: null },
    key: { id: 'k', name: null, expiresAt: days === null ? null : new Date(nowMs + days * DAY_MS).toISOString() },
  });
  const [soon, later, unknown] = [29, 31, null].map((days) => lines([], [], [foreign(days)])[0]);
  expect(soon).toEqual({
    ...{ check: 'API key eu/partner', ok: false },
    detail: 'ends at 2026-06-30T12:00:00.000Z, and eu/partner with it: ask those who run theirs for another.',
  });
  expect(later).toMatchObject({ ok: true, detail: 'ends at 2026-07-02T12:00:00.000Z' });
  expect(unknown).toMatchObject({ ok: true, detail: 'skipped: it was not said when the key of theirs ends' });
});
