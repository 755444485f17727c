import { expect, test } from 'vitest';

import { clusterClients } from '../../../../../coordinator/src/elasticsearch/clusters.ts';
import { observeGoneRemote } from '../../../../../coordinator/src/observe/connections/gone-cluster.ts';
import { startWireCluster } from '../../../../support/wire-cluster.ts';

const clientsAt = (url: string) =>
  clusterClients({
    record: async (name) =>
      ({ name, urls: [url], caPem: null, user: 'u', password: 'secret:p@1', clusterUuid: 'uuid-us' }) as never,
    secret: async () => 'p',
  });

const goneAt = async (url: string) => {
  const clients = clientsAt(url);
  return observeGoneRemote(clients, 'us').finally(() => clients.close());
};

test('a cluster is gone where nothing answers, or another one', async () => {
  expect(await goneAt('http://127.0.0.1:1')).toMatchObject({ name: 'us', clusterUuid: 'uuid-us', nodes: [] });
  const other = await startWireCluster(() => ({ body: { cluster_uuid: 'another' } }));
  expect(await goneAt(other.url)).toMatchObject({ clusterUuid: 'uuid-us', nodes: [] });
});

test.each([
  [502, {}],
  [503, { message: 'no server is available' }],
  [404, { ok: false, message: 'Unknown resource.' }],
])('a proxy that answers %s does not reach it', async (status, body) => {
  const proxy = await startWireCluster(() => ({ status, body }));
  expect(await goneAt(proxy.url)).toMatchObject({ clusterUuid: 'uuid-us', nodes: [] });
});

test.each([
  [200, { cluster_uuid: 'uuid-us' }],
  [401, { error: { type: 'security_exception', reason: 'no' }, status: 401 }],
  [503, { error: { type: 'master_not_discovered_exception', reason: 'no' }, status: 503 }],
])('one that answers with %s is not gone, since its keys may be invalidated yet', async (status, body) => {
  const { url } = await startWireCluster(() => ({ status, body }));
  await expect(goneAt(url)).rejects.toMatchObject({ code: 'conflict', hint: expect.stringMatching(/--remote-gone/) });
});
