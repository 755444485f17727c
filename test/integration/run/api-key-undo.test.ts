import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { ApiKeyRecord } from '../../../coordinator/src/plan/records.ts';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import { putBackApiKeyStep } from '../../../coordinator/src/run/steps/keys/api-key-undo.ts';
import type { StepParts } from '../../../coordinator/src/run/steps/parts.ts';
import { openInventory } from '../../../coordinator/src/store/inventory.ts';
import { clientsOf, startWireCluster } from '../../support/wire-cluster.ts';
import { makeBench } from './bench.ts';
import { fileExecutors, planOf } from './effects.ts';

const SECRET = 'secret:k@1';

/** A cluster with one key; `onPut` comes before the answer to a change of it. */
const startCluster = async (onPut: () => Promise<void>): Promise<StepParts['clients']> => {
  const us = await startWireCluster(async ({ method }) => {
    if (method === 'PUT') await onPut();
    return { body: { updated: true, api_keys: [{ id: 'k', expiration: 1 }] } };
  });
  return clientsOf({ us });
};

test('a key is put back although Redis goes away in between, since that is no answer of the cluster', async () => {
  const bench = await makeBench();
  const redis = new Redis({ path: bench.redis.path, maxRetriesPerRequest: 0, retryStrategy: () => 20 });
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  const inventory = openInventory(redis);
  const record = { secret: SECRET, cluster: 'us', id: 'k', name: 'n', expiresAtMs: null, configHash: 'now' };
  await inventory.apiKeys.put(SECRET, record satisfies ApiKeyRecord);

  let puts = 0;
  const clients = await startCluster(async () => {
    puts += 1;
    if (puts > 1) return;
    await bench.redis.kill();
    setTimeout(() => void bench.redis.start(), 500);
  });
  const clock = () => new Date();
  const putBack = putBackApiKeyStep({ clients, inventory, clock } as unknown as StepParts);
  await bench.engine({ executors: { ...fileExecutors(bench.file), 'api-key.put-back': putBack } });
  const before = { access: { search: [] }, metadata: {}, expiresAtMs: null, configHash: 'before' };
  const step = {
    ...{ id: 'put-back', kind: 'api-key.put-back', target: 'us', effect: 'api', reason: 'r', diff: '', stage: 'keys' },
    input: { cluster: 'us', id: 'k', secret: SECRET, before },
  } as AnyStep;
  const run = await bench.ended(await bench.fileRun(planOf(['us'], [{ mode: 'serial', steps: [step] }])));
  expect(run).toMatchObject({ status: 'succeeded', error: null });
  expect(puts).toBe(2);
  expect(await inventory.apiKeys.get(SECRET)).toEqual({ ...record, configHash: 'before', expiresAtMs: 1 });
});
