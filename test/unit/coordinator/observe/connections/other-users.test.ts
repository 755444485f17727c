import { expect, test } from 'vitest';
import { observeFollowers, observeLivingKeys } from '../../../../../coordinator/src/observe/connections/other-users.ts';
import type { ConnectionRecord } from '../../../../../coordinator/src/plan/connection/connection-records.ts';
import type { KeyObservation } from '../../../../../coordinator/src/plan/facts.ts';
import { clientsOf, startWireCluster } from '../../../../support/wire-cluster.ts';

const clientOf = async (answers: Readonly<Record<string, { status?: number; body: object }>>) => {
  const eu = await startWireCluster(
    ({ url = '' }) => answers[url] ?? { status: 400, body: { error: 'no handler found' } },
  );
  return clientsOf({ eu }).get('eu');
};

const follower = (index: string, alias: string) => ({
  ...{ follower_index: index, remote_cluster: alias, leader_index: 'logs', status: 'active' },
});
const localUuid = 'uuid-eu';
const connection: ConnectionRecord = {
  ...{ local: 'eu', remote: 'us', alias: 'us', auth: 'api_key', mode: 'sniff', ca: 'us-remote', keySecret: 's' },
  ...{ access: {}, expires: null, settings: [] },
};
const onRecord = (id: string, usable: boolean): KeyObservation => ({
  record: { secret: 's', cluster: 'us', id, name: `n-${id}`, expiresAtMs: null, configHash: 'h' },
  usable,
});
const pattern = (name: string, alias: string) => ({ name, pattern: { active: true, remote_cluster: alias } });

test('what follows over an alias is told by name, and nothing that follows over another one', async () => {
  const client = await clientOf({
    '/*,.*/_ccr/info': {
      body: { follower_indices: [follower('b', 'us'), follower('.ds-logs-1', 'us'), follower('a', 'other')] },
    },
    '/_ccr/auto_follow': { body: { patterns: [pattern('all', 'us'), pattern('some', 'other')] } },
  });
  expect(await observeFollowers(client, 'eu', 'us')).toEqual([
    'the auto-follow pattern all',
    'the follower index .ds-logs-1',
    'the follower index b',
  ]);
});

test('an Elasticsearch without cross-cluster replication has no followers, one that may not be asked is no answer', async () => {
  expect(await observeFollowers(await clientOf({}), 'eu', 'us')).toEqual([]);
  const forbidden = { status: 403, body: { error: { type: 'security_exception', reason: 'no' }, status: 403 } };
  const client = await clientOf({ '/*,.*/_ccr/info': forbidden, '/_ccr/auto_follow': forbidden });
  await expect(observeFollowers(client, 'eu', 'us')).rejects.toThrow(/Asking what replicates over the alias/);
});

test('keys of others are those between clusters that live', async () => {
  const now = new Date('2026-03-01T12:00:00Z');
  const key = (id: string, more: object = {}) => ({
    id,
    name: `n-${id}`,
    type: 'cross_cluster',
    invalidated: false,
    ...more,
  });
  const keys = [
    ...[key('2'), key('1', { expiration: now.getTime() + 1 }), key('rest', { type: 'rest' })],
    ...[key('dead', { invalidated: true }), key('over', { expiration: now.getTime() }), key('ours')],
  ];
  const client = await clientOf({ '/_security/api_key': { body: { api_keys: keys } } });
  expect(await observeLivingKeys(client, { connection, localUuid, keys: [onRecord('ours', true)] }, now)).toEqual({
    strays: [],
    others: ['n-1 (1)', 'n-2 (2)'],
  });
});

test('a living key of the connection is known by what is on record or by its mark, also where its secret is lost', async () => {
  const marked = (id: string, more: object = {}) => ({
    ...{ id, name: `n-${id}`, type: 'cross_cluster', invalidated: false },
    metadata: { managed_by: 'remora', remora: { local: 'eu', local_cluster_uuid: localUuid, alias: 'us', ...more } },
  });
  const keys = [
    ...[marked('used'), marked('crashed'), marked('second', { alias: 'second' }), marked('dead', {})],
    ...[marked('away', { local_cluster_uuid: 'another' }), { ...marked('lost'), metadata: {} }],
  ].map((key) => ({ ...key, invalidated: key.id === 'dead' }));
  const client = await clientOf({ '/_security/api_key': { body: { api_keys: keys } } });
  const known = [onRecord('used', true), onRecord('lost', false)];
  expect(await observeLivingKeys(client, { connection, localUuid, keys: known }, new Date())).toEqual({
    strays: [
      { id: 'crashed', name: 'n-crashed' },
      { id: 'lost', name: 'n-lost' },
    ],
    others: ['n-away (away)', 'n-second (second)'],
  });
});
