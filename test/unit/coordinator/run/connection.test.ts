import { RemoraError } from '@remora/shared/errors.ts';
import { expect, test } from 'vitest';
import type { NodeId } from '../../../../coordinator/src/plan/node/node-id.ts';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { proveConnectionStep } from '../../../../coordinator/src/run/steps/cluster/connection.ts';
import type { StepParts } from '../../../../coordinator/src/run/steps/parts.ts';
import { clientsOf, startWireCluster } from '../../../support/wire-cluster.ts';

/** A cluster that answers what its nodes are. */
const startCluster = async (names: readonly string[]): Promise<StepParts['clients']> => {
  const node = { version: '9.5.3', roles: ['remote_cluster_client'], host: '127.0.0.1', process: { id: 7 } };
  const nodes = Object.fromEntries(names.map((name) => [name, { ...node, name, settings: {} }]));
  const eu = await startWireCluster(({ url }) => ({
    body: url?.startsWith('/_nodes') ? { nodes } : { master_node: names[0] },
  }));
  return clientsOf({ eu });
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
