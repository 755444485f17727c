import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChangeOperation, OperationCall } from '@remora/shared/operations.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import { expect, onTestFinished, test } from 'vitest';
import { clusterClients } from '../../../../coordinator/src/elasticsearch/clusters.ts';
import type { StepInputs } from '../../../../coordinator/src/plan/steps.ts';
import type { StepContext, StepMemory } from '../../../../coordinator/src/run/executor.ts';
import { nodeChangeStep } from '../../../../coordinator/src/run/steps/node-change.ts';
import type { StepParts } from '../../../../coordinator/src/run/steps/parts.ts';

const STARTED = 2000;

/** A cluster of one node, healthy, whose process began at STARTED; answers what a restart asks for. */
const startNode = async (): Promise<StepParts['clients']> => {
  const node = { name: 'us-1', version: '9.5.3', roles: ['data'], host: '127.0.0.1', process: { id: 7 } };
  const answers: Record<string, object> = {
    '/_nodes/settings': { nodes: { id: { ...node, jvm: { start_time_in_millis: STARTED }, settings: {} } } },
    '/_cluster/state/master_node': { master_node: 'id' },
    '/_cluster/settings': { acknowledged: true, persistent: {}, transient: {} },
    '/_cluster/health': { status: 'green', initializing_shards: 0, number_of_nodes: 1 },
  };
  const server = createServer((request, response) => {
    const found = Object.entries(answers).find(([path]) => request.url?.startsWith(path));
    response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
    response.end(JSON.stringify(found?.[1] ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients = clusterClients({
    record: async () => ({ name: 'us', urls: [url], caPem: null, user: 'u', password: 'secret:p@1' }) as never,
    secret: async () => 'p',
  });
  onTestFinished(() => clients.close());
  return clients;
};

const change: StepInputs['node.change'] = {
  ...{ cluster: 'us', node: 'us-1', baseline: { health: 'green', nodes: 1 } },
  outageStated: { master: true, data: 'all' },
  operations: [
    { name: 'settings', input: { set: { a: 1 }, remove: [], expectDigest: 'planned' } },
    { name: 'service', input: { action: 'restart', startTimeoutMs: 1000, replaces: '1:1' } },
  ],
};

/** Carries the step out as an attempt that remembers this, with gates overridden; answers what the agent was asked for. */
const carryOut = async (memory: Partial<StepMemory>, results: readonly Result['outcome'][]) => {
  const asked: { operations: readonly OperationCall<ChangeOperation>[]; freshForMs?: number | undefined }[] = [];
  const remembered: Partial<StepMemory>[] = [];
  const context: Partial<StepContext> = {
    memory: { intent: null, before: null, result: null, kept: null, ...memory },
    options: { override: ['cluster-answers'], reason: 'there is no cluster' },
    signal: new AbortController().signal,
    remember: async (patch) => void remembered.push(patch),
    phase: async () => undefined,
    checkFence: async () => undefined,
    haltIfCancelled: async () => undefined,
    setRestore: async () => undefined,
    putBack: async () => undefined,
    restarted: async () => undefined,
    sleep: async () => undefined,
    change: async (_node, operations, { freshForMs }) => {
      const outcome = results[asked.length] ?? 'refused';
      asked.push({ operations, freshForMs });
      const error = { code: outcome === 'refused' ? 'delivery-late' : 'step-undone', message: outcome } as const;
      return { type: 'result', id: 'r/s/1', outcome, results: [], error: outcome === 'done' ? null : error };
    },
  };
  const parts: Partial<StepParts> = {
    clients: await startNode(),
    clock: () => new Date(),
    isOnline: async () => true,
    agents: {
      read: async () => ({ settingsFile: { digest: 'now' }, process: { identity: '2:2' } }) as never,
    } as never,
  };
  const ended = nodeChangeStep(parts as StepParts)(context as StepContext, change);
  return {
    asked,
    remembered,
    ended: await ended.then(
      () => 'done',
      ({ code }) => code as string,
    ),
  };
};

test('a node that was restarted with the change, and whose cluster only took too long, is not restarted again', async () => {
  const { asked, ended } = await carryOut({ kept: { began: true, doneSince: STARTED - 1 } }, []);
  expect([asked, ended]).toEqual([[], 'done']);
});

test('after an attempt that was taken back the file and the process are those of now, in a first one those of the plan', async () => {
  const inputs = async (memory: Partial<StepMemory>) =>
    (await carryOut(memory, ['undone'])).asked.map(({ operations }) =>
      operations.map(({ input }) =>
        'expectDigest' in input ? input.expectDigest : 'replaces' in input && input.replaces,
      ),
    );
  expect(await inputs({ kept: { began: true } })).toEqual([['now', '2:2']]);
  expect(await inputs({})).toEqual([['planned', '1:1']]);
});

test('an attempt that was taken back is kept in mind, one that began nothing is not', async () => {
  const undone = await carryOut({}, ['undone']);
  expect(undone.ended).toBe('step-undone');
  expect(undone.remembered).toContainEqual({ kept: { began: true } });
});

test('a restart that came too late goes through the gates again; after a crash the agent is first asked for what it began', async () => {
  const late = await carryOut({}, ['refused', 'undone']);
  expect(late.asked.map(({ freshForMs }) => freshForMs)).toEqual([30_000, 30_000]);
  expect(late.remembered.map(({ intent }) => intent)).toContain(null);
  const crashed = await carryOut({ intent: { sent: true, startedAtMs: 1 } }, ['refused', 'undone']);
  expect(crashed.asked.map(({ freshForMs }) => freshForMs)).toEqual([0, 30_000]);
});
