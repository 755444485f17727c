import { expect, test } from 'vitest';
import type { CaRecord } from '../../../coordinator/src/plan/records.ts';
import { RunTakenOver, RunWriter } from '../../../coordinator/src/run/run-writer.ts';
import { type Bench, makeBench } from './bench.ts';
import { serialPlan } from './effects.ts';

/** The password of the cluster of these tests, which is a part of many a name. */
const PASSWORD = 'elastic';
const redact = (text: string): string => text.replaceAll(PASSWORD, '[secret:cluster/elastic-us/password@1]');

const writerOf = async ({ fileRun, store }: Bench): Promise<RunWriter> => {
  const runId = await fileRun(serialPlan(['elastic-us'], 1));
  await store.admit();
  const record = await store.take(runId);
  if (!record) throw new Error('an admitted run can be taken');
  return new RunWriter(store, record, new AbortController().signal, redact);
};

test('what people read is cleaned of secrets, what the next driver reads is what the last one wrote', async () => {
  const bench = await makeBench();
  const writer = await writerOf(bench);
  const memory = { intent: { name: 'remora-elastic-us' }, result: { cluster: 'elastic-us' } };
  const error = { code: 'step-failed', message: `it said ${PASSWORD}`, hint: `not ${PASSWORD}` };
  await writer.setRestore('allocation', { cluster: 'elastic-us', persistent: null });
  await writer.writeStep('s0', { ...memory, status: 'failed', phase: `with ${PASSWORD}`, error }, `was ${PASSWORD}`);

  const next = await bench.store.take(writer.runId);
  expect(next?.restores.get('allocation')).toEqual({ cluster: 'elastic-us', persistent: null });
  const step = next?.steps.get('s0');
  expect(step).toMatchObject(memory);
  for (const text of [step?.phase, step?.error?.message, step?.error?.hint]) expect(text).toContain('[secret:');
  expect(JSON.stringify([step?.phase, step?.error])).not.toContain(` ${PASSWORD}`);
  expect((await bench.store.events(writer.runId, 0)).at(-1)?.message).toBe(redact(`was ${PASSWORD}`));
});

test('a driver that was succeeded files nothing in the inventory', async () => {
  const bench = await makeBench();
  const writer = await writerOf(bench);
  const ca = (name: string) => ({ name }) as CaRecord;
  await writer.file('cas', 'us-ca', ca('first'));
  await bench.store.take(writer.runId);
  await expect(writer.file('cas', 'us-ca', ca('late'))).rejects.toThrow(RunTakenOver);
  expect(await bench.redis.redis.hget('remora:cas', 'us-ca')).toBe('{"name":"first"}');
});

test('what others write to a record while it is amended stays, and a driver that was succeeded amends none', async () => {
  const bench = await makeBench();
  const writer = await writerOf(bench);
  const { redis } = bench.redis;
  await redis.hset('remora:clouds', 'acme', JSON.stringify({ name: 'acme' }));
  const names = Array.from({ length: 20 }, (_, i) => `d${i}/us`);
  const amend = (id: string, name: string): Promise<void> =>
    writer.amend({
      ...{ collection: 'clouds', id },
      change: (record) => ({ ...record, keys: { ...record.keys, [name]: 'secret:us@1' } }),
    });
  // Each reads before any of them writes.
  await Promise.all(names.map((name) => amend('acme', name)));
  const written = async () => Object.keys(JSON.parse((await redis.hget('remora:clouds', 'acme')) ?? '').keys).sort();
  expect(await written()).toEqual([...names].sort());
  await expect(amend('gone', 'd1/us')).rejects.toThrow('"gone" was removed');
  await bench.store.take(writer.runId);
  await expect(amend('acme', 'late/us')).rejects.toThrow(RunTakenOver);
  expect(await written()).toEqual([...names].sort());
});
