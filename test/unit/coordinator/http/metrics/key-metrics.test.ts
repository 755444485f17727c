import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { addKeyMetrics } from '../../../../../coordinator/src/http/metrics/key-metrics.ts';

test('a cluster has one series, of the key that ends first, and none once no key ends', async () => {
  const registry = new Registry();
  let ends = [
    { cluster: 'us', expiresAtMs: 2_000_000 },
    { cluster: 'us', expiresAtMs: 1_000_000 },
    { cluster: 'ap', expiresAtMs: 3_000_000 },
  ];
  addKeyMetrics(registry, Gauge, async () => ends);
  const lines = async (): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(await lines()).toEqual([
    'remora_api_key_expiration_seconds{cluster="us"} 1000',
    'remora_api_key_expiration_seconds{cluster="ap"} 3000',
  ]);
  ends = ends.slice(2);
  expect(await lines()).toEqual(['remora_api_key_expiration_seconds{cluster="ap"} 3000']);
});
