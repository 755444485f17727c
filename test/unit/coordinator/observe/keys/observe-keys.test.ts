import { expect, test } from 'vitest';
import { observeKeysOfAll } from '../../../../../coordinator/src/observe/keys/observe-keys.ts';
import { clientsOf, startWireCluster } from '../../../../support/wire-cluster.ts';

const now = new Date('2026-03-01T12:00:00Z');
const SECRETS = { 'connection/eu/us/api-key': 1, 'connection/eu/ap/api-key': 1 };

/** A cluster that knows one key, and answers 404 for any other. */
const knows = (id: string) =>
  startWireCluster(({ url = '' }) =>
    new URL(url, 'http://x').searchParams.get('id') === id
      ? { body: { api_keys: [{ id, name: `n-${id}`, creation: 1, invalidated: false, username: 'u' }] } }
      : { status: 404, body: { api_keys: [] } },
  );

test('keys that a run made in several remote clusters are asked of each its own: another one does not know them', async () => {
  const clients = clientsOf({ us: await knows('k-us'), ap: await knows('k-ap') });
  const records = ['us', 'ap'].map((cluster) => ({
    ...{ cluster, id: `k-${cluster}`, name: `n-k-${cluster}`, secret: `secret:connection/eu/${cluster}/api-key@1` },
    ...{ expiresAtMs: null, configHash: 'h' },
  }));
  const found = await observeKeysOfAll({ clients, clock: () => now }, records, SECRETS);
  expect(found.map(({ record, key, usable }) => [record.cluster, key?.id, usable])).toEqual([
    ['us', 'k-us', true],
    ['ap', 'k-ap', true],
  ]);
  expect(await observeKeysOfAll({ clients, clock: () => now }, [], SECRETS)).toEqual([]);
});
