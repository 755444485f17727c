import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { RemoraError } from '@remora/shared/errors.ts';
import { expect, onTestFinished, test } from 'vitest';

import { clusterClients } from '../../../../../coordinator/src/elasticsearch/clusters.ts';
import {
  observeGoneLocal,
  observeGoneRemote,
} from '../../../../../coordinator/src/observe/connections/gone-cluster.ts';
import { createCa } from '../../../../../coordinator/src/pki/ca.ts';
import { startWireCluster } from '../../../../support/wire-cluster.ts';

const clientsAt = (url: string, secret = async () => 'p') =>
  clusterClients({
    record: async (name) =>
      ({ name, urls: [url], caPem: null, user: 'u', password: 'secret:p@1', clusterUuid: 'uuid-us' }) as never,
    secret,
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

test('what answers with a certificate that is not trusted may be the cluster: that is told, and what its agents say counts', async () => {
  const { certificatePem, privateKeyPem } = await createCa({
    ...{ commonName: 'another', validityDays: 1, keyBits: 3072, now: new Date() },
  });
  const server = createServer({ cert: certificatePem, key: privateKeyPem }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const clients = clientsAt(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => clients.close());
  const offline = new RemoraError('agent-offline', 'no session');
  const agents = { read: () => Promise.reject(offline) };
  const inventory = { nodes: { list: async () => [{ cluster: 'us', node: 'us-1' }] } };
  expect(await observeGoneLocal({ agents, clients, inventory } as never, 'us')).toMatchObject({
    local: { name: 'us', nodes: [] },
    goneNodes: ['us-1'],
    goneAnswer: expect.stringMatching(/certificate/),
  });
});

test('a cluster that cannot be asked, since its password is not there, is not taken to be gone', async () => {
  const clients = clientsAt('http://127.0.0.1:1', async () => {
    throw new RemoraError('not-found', 'secret:p@1 is not in the store.');
  });
  onTestFinished(() => clients.close());
  await expect(observeGoneRemote(clients, 'us')).rejects.toMatchObject({ code: 'not-found' });
});
