import { expect, test } from 'vitest';
import type { NodeId } from '../../../../coordinator/src/plan/node/node-id.ts';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { verifyApiKeyStep } from '../../../../coordinator/src/run/steps/keys/verify-api-key.ts';
import type { StepParts } from '../../../../coordinator/src/run/steps/parts.ts';
import { clientsOf, startWireCluster } from '../../../support/wire-cluster.ts';

const SECRET = 'secret:connection/eu/us/api-key@2';
const refusal = (id: string) =>
  `action [indices:admin/resolve/cluster] towards remote cluster is unauthorized for user [remora] with assigned roles [r] authenticated by API key id [${id}] of user [elastic] on indices [x], this action is granted by the index privileges [all]`;

/** What a node has in its keystore, and answers of an index that the key does not grant. */
interface Node {
  readonly reference: string | null;
  readonly answer: object;
}

/** How the step ends with these nodes, asked until `answers` questions were answered; nodes are asked in their order. */
const verified = async (nodes: Readonly<Record<string, Node>>, refusedIndex: string | null = 'x') => {
  const shown = { version: '9.5.3', roles: ['remote_cluster_client'], host: '127.0.0.1', process: { id: 7 } };
  const eu = await startWireCluster(({ url }) => ({
    body: url?.startsWith('/_nodes')
      ? { nodes: Object.fromEntries(Object.keys(nodes).map((name) => [name, { ...shown, name, settings: {} }])) }
      : { master_node: Object.keys(nodes)[0] },
  }));
  const asked: string[] = [];
  const parts = {
    clients: { ...clientsOf({ eu }), record: async () => ({ user: 'remora', password: 'secret:p@1' }) },
    secretVersions: async () => ({}),
    inventory: { apiKeys: { get: async () => ({ id: 'new', name: 'remora-eu-us-2' }) } },
    agents: {
      read: async ({ node }: NodeId, operation: string, input: { readonly path?: string }) => {
        const found = nodes[node];
        if (operation === 'inspect')
          return { keystore: { entries: [{ name: 'cluster.remote.us.credentials', reference: found?.reference }] } };
        asked.push(`${node} ${input.path}`);
        return { status: 200, body: { us: found?.answer } };
      },
    },
  } as unknown as StepParts;
  const again = new Error('it is asked again');
  const context = {
    phase: async () => undefined,
    sleep: async () => Promise.reject(again),
  } as unknown as StepContext;
  const input = { local: 'eu', alias: 'us', secret: SECRET, refusedIndex };
  const result = await verifyApiKeyStep(parts)(context, input).catch((error: unknown) => {
    if (error === again) return 'not yet';
    throw error;
  });
  return { result, asked };
};

const good: Node = { reference: SECRET, answer: { connected: false, error: refusal('new') } };

test('a key is in use when every node has it and the remote cluster names it to each', async () => {
  const { result, asked } = await verified({ 'eu-1': good, 'eu-2': good });
  expect(result).toEqual({ id: 'new' });
  expect(asked.sort()).toEqual(['eu-1 /_resolve/cluster/us:x', 'eu-2 /_resolve/cluster/us:x']);
});

test.each<[string, Node]>([
  ['uses the old key', { ...good, answer: { connected: false, error: refusal('old') } }],
  ['has the old key in its keystore', { ...good, reference: 'secret:connection/eu/us/api-key@1' }],
  ['has what somebody wrote there', { ...good, reference: null }],
  ['does not reach the other cluster', { ...good, answer: { connected: false } }],
])('a node that %s is asked again', async (_, node) => {
  expect((await verified({ 'eu-1': good, 'eu-2': node })).result).toBe('not yet');
});

test('where the key is refused nothing, the keystore counts', async () => {
  expect(
    (await verified({ 'eu-1': { ...good, answer: { connected: true, error: 'no such index [x]' } } })).result,
  ).toEqual({ id: 'new' });
  const { result, asked } = await verified({ 'eu-1': good }, null);
  expect([result, asked]).toEqual([{ id: 'new' }, []]);
});
