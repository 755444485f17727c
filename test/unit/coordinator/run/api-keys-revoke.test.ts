import { expect, test } from 'vitest';
import type { ApiKeyRecord } from '../../../../coordinator/src/plan/records.ts';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { revokeApiKeysStep } from '../../../../coordinator/src/run/steps/keys/api-keys-revoke.ts';
import type { StepParts } from '../../../../coordinator/src/run/steps/parts.ts';
import { clientsOf, startWireCluster } from '../../../support/wire-cluster.ts';

const recordOf = (version: number, alias = 'us'): ApiKeyRecord => ({
  ...{ secret: `secret:connection/eu/${alias}/api-key@${version}`, cluster: 'us', id: `${alias}-${version}` },
  ...{ name: 'n', expiresAtMs: null, configHash: 'h' },
});
const records = [recordOf(1), recordOf(2), recordOf(1, 'two')];

/** How the step ends on a cluster that has all keys on record; `takes` says whether it invalidates what it is told to. */
const revoked = async (takes = true) => {
  const dead = new Set<string>();
  const calls: string[][] = [];
  const us = await startWireCluster(async (request) => {
    if (request.method === 'DELETE') {
      let text = '';
      for await (const part of request) text += part;
      const { ids } = JSON.parse(text) as { ids: string[] };
      calls.push(ids);
      if (takes) for (const id of ids) dead.add(id);
      return { body: { invalidated_api_keys: ids } };
    }
    const key = { name: 'n', type: 'cross_cluster', creation: 1, username: 'u' };
    return { body: { api_keys: records.map(({ id }) => ({ ...key, id, invalidated: dead.has(id) })) } };
  });
  const filed: ApiKeyRecord[] = [];
  const step = revokeApiKeysStep({
    ...{ clients: clientsOf({ us }), inventory: { apiKeys: { list: async () => records } }, clock: () => new Date() },
  } as unknown as StepParts);
  const context = {
    checkFence: async () => undefined,
    file: async (_: string, __: string, record: ApiKeyRecord) => void filed.push(record),
  } as unknown as StepContext;
  // The plan knew of one of them only: the other was made by a run that it had to wait for.
  const input = { cluster: 'us', local: 'eu', alias: 'us', localUuid: 'u', ids: ['us-1'] };
  const result = await step(context, input).catch((error: Error) => error.message);
  return { result, calls, filed };
};

test('every key of the connection that lives by then is invalidated, no other one, and that is noted for when its cluster forgets it', async () => {
  const { result, calls, filed } = await revoked();
  expect([result, calls]).toEqual([{ ids: ['us-1', 'us-2'] }, [['us-1', 'us-2']]]);
  expect(filed).toEqual([1, 2].map((version) => ({ ...recordOf(version), revoked: true })));
});

test('a cluster that says it did and did not is no success', async () => {
  const { result, filed } = await revoked(false);
  expect(result).toContain('it answered, but us-1, us-2 can still be used');
  expect(filed).toEqual([]);
});
