import { expect, test } from 'vitest';
import { observeFollowers, otherKeys } from '../../../../coordinator/src/observe/other-users.ts';
import { clientsOf, startWireCluster } from '../../../support/wire-cluster.ts';

const clientOf = async (answers: Readonly<Record<string, { status?: number; body: object }>>) => {
  const eu = await startWireCluster(
    ({ url = '' }) => answers[url] ?? { status: 400, body: { error: 'no handler found' } },
  );
  return clientsOf({ eu }).get('eu');
};

const follower = (index: string, alias: string) => ({
  ...{ follower_index: index, remote_cluster: alias, leader_index: 'logs', status: 'active' },
});
const pattern = (name: string, alias: string) => ({ name, pattern: { active: true, remote_cluster: alias } });

test('what follows over an alias is told by name, and nothing that follows over another one', async () => {
  const client = await clientOf({
    '/_all/_ccr/info': { body: { follower_indices: [follower('b', 'us'), follower('a', 'other')] } },
    '/_ccr/auto_follow': { body: { patterns: [pattern('all', 'us'), pattern('some', 'other')] } },
  });
  expect(await observeFollowers(client, 'eu', 'us')).toEqual(['the auto-follow pattern all', 'the follower index b']);
});

test('an Elasticsearch without cross-cluster replication has no followers, one that may not be asked is no answer', async () => {
  expect(await observeFollowers(await clientOf({}), 'eu', 'us')).toEqual([]);
  const forbidden = { status: 403, body: { error: { type: 'security_exception', reason: 'no' }, status: 403 } };
  const client = await clientOf({ '/_all/_ccr/info': forbidden, '/_ccr/auto_follow': forbidden });
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
  const own = [{ secret: 's', cluster: 'us', id: 'ours', name: 'n', expiresAtMs: null, configHash: 'h' }];
  expect(await otherKeys(client, 'us', own, now)).toEqual(['n-1 (1)', 'n-2 (2)']);
});
