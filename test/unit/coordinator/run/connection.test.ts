import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RemoraError } from '@remora/shared/errors.ts';
import { expect, onTestFinished, test } from 'vitest';
import { clusterClients } from '../../../../coordinator/src/elasticsearch/clusters.ts';
import type { NodeId } from '../../../../coordinator/src/plan/steps.ts';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { proveConnectionStep } from '../../../../coordinator/src/run/steps/connection.ts';
import type { StepParts } from '../../../../coordinator/src/run/steps/parts.ts';

/** A cluster that answers what its nodes are. */
const startCluster = async (names: readonly string[]): Promise<StepParts['clients']> => {
  const node = { version: '9.5.3', roles: ['remote_cluster_client'], host: '127.0.0.1', process: { id: 7 } };
  const nodes = Object.fromEntries(names.map((name) => [name, { ...node, name, settings: {} }]));
  const server = createServer(({ url }, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
    response.end(JSON.stringify(url?.startsWith('/_nodes') ? { nodes } : { master_node: names[0] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients = clusterClients({
    record: async () => ({ name: 'eu', urls: [url], caPem: null, user: 'u', password: 'secret:p@1' }) as never,
    secret: async () => 'p',
  });
  onTestFinished(() => clients.close());
  return clients;
};

test('a proof that names nodes asks these only', async () => {
  const asked: string[] = [];
  const parts = {
    clients: await startCluster(['eu-1', 'eu-2', 'eu-3']),
    inventory: { apiKeys: { get: async () => ({ id: 'k1' }) } },
    agents: {
      read: async ({ node }: NodeId) => {
        asked.push(node);
        if (node === 'eu-2') throw new RemoraError('agent-offline', 'eu-2 is away');
        return { status: 200, body: { us: { connected: true } } };
      },
    },
  } as unknown as StepParts;
  const context = { phase: async () => undefined } as unknown as StepContext;
  const input = { local: 'eu', remote: 'us', alias: 'us', keySecret: 'secret:k@1' };
  const { proof } = (await proveConnectionStep(parts)(context, { ...input, nodes: ['eu-1', 'eu-3'] })) as {
    proof: { node: string; state: string }[];
  };
  expect(asked.sort()).toEqual(['eu-1', 'eu-3']);
  expect(proof.map(({ node, state }) => `${node} ${state}`)).toEqual(['eu-1 ok', 'eu-2 n/a', 'eu-3 ok']);
});
