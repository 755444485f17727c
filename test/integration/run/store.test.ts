import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../../coordinator/src/store/open-store.ts';
import type { Write } from '../../../coordinator/src/store/runs/run-store.ts';
import { type Bench, makeBench } from './bench.ts';
import { serialPlan } from './effects.ts';
import { startRestartableRedis } from './restartable-redis.ts';

const END: Write['event'] = { type: 'run', stepId: null, status: 'succeeded', message: 'done' };

/** A run that is admitted and taken. */
const takenRun = async ({ fileRun, store }: Bench) => {
  const runId = await fileRun(serialPlan(['us'], 1));
  expect(await store.admit()).toEqual([runId]);
  const record = await store.take(runId);
  if (!record) throw new Error('an admitted run can be taken');
  const write = (change: Partial<Write>): Promise<number | null> =>
    store.write(runId, {
      ...{ fence: record.fence, version: record.version, request: randomUUID(), patch: {}, event: END },
      ...change,
    });
  return { runId, record, write };
};

describe('WRITE', () => {
  test('sent again, changes nothing and answers as the first time', async () => {
    const bench = await makeBench();
    const { runId, write } = await takenRun(bench);
    const change = { request: 'once', patch: { restarts: '["us-1"]' } };
    const first = await write(change);
    const events = await bench.store.events(runId, 0);
    expect(await write(change)).toBe(first);
    expect(await bench.store.events(runId, 0)).toEqual(events);
    expect((await bench.store.view(runId)).restarts).toEqual(['us-1']);
  });

  test('is refused after somebody else took the run, and at an old version', async () => {
    const bench = await makeBench();
    const { runId, record, write } = await takenRun(bench);
    expect(await write({ patch: { finishedAt: 'now' } })).toBe(record.version + 1);
    expect(await write({ patch: { finishedAt: 'late' } })).toBeNull();
    const next = await bench.store.take(runId);
    expect(next?.fence).toBeGreaterThan(record.fence);
    expect(await write({ version: next?.version ?? 0, patch: { finishedAt: 'stale' } })).toBeNull();
    expect((await bench.store.view(runId)).finishedAt).toBe('now');
  });

  test('numbers events without a gap', async () => {
    const bench = await makeBench();
    const { runId, record, write } = await takenRun(bench);
    for (let i = 0; i < 5; i += 1) await write({ version: record.version + i });
    const seqs = (await bench.store.events(runId, 0)).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
    expect((await bench.store.events(runId, 3)).map(({ seq }) => seq)).toEqual(seqs.slice(3));
  });
});

describe('TAKE', () => {
  test('gives fences that grow from run to run, also when the clock goes back', async () => {
    const bench = await makeBench();
    const { runId, record } = await takenRun(bench);
    const ahead = record.fence + 3_600_000;
    await bench.redis.redis.hset('remora:meta', 'lastFence', ahead);
    expect((await bench.store.take(runId))?.fence).toBe(ahead + 1);
    const other = await bench.fileRun(serialPlan(['eu'], 1));
    await bench.store.admit();
    expect((await bench.store.take(other))?.fence).toBe(ahead + 2);
  });

  test('leaves nothing behind of a run that is not there, nor touches one that waits', async () => {
    const bench = await makeBench();
    expect(await bench.store.take('run-nobody')).toBeNull();
    expect(await bench.redis.redis.exists('remora:run:run-nobody')).toBe(0);
    const waiting = await bench.fileRun(serialPlan(['us'], 1));
    expect(await bench.store.take(waiting)).toBeNull();
    expect((await bench.store.view(waiting)).status).toBe('waiting');
  });
});

describe('RELEASE', () => {
  test('keeps the locks while anything is left to put back', async () => {
    const bench = await makeBench();
    const { runId, record, write } = await takenRun(bench);
    await write({ patch: { status: 'failed', 'restore:paused': '{}' } });
    expect(await bench.store.release(runId)).toBe('to-drive');
    expect(await bench.redis.redis.hgetall('remora:locks')).toEqual({ us: runId });
    await write({ version: record.version + 1, patch: { 'restore:paused': null } });
    expect(await bench.store.release(runId)).toBe('released');
    expect(await bench.redis.redis.hgetall('remora:locks')).toEqual({});
    expect(await bench.store.openRuns()).toEqual([]);
  });
});

test('a key makes one run for each actor, however often and at once it is used', async () => {
  const bench = await makeBench();
  const ids = await Promise.all(
    Array.from({ length: 5 }, () => bench.fileRun(serialPlan(['us'], 1), { key: 'key-12345' })),
  );
  expect(new Set(ids).size).toBe(1);
  expect(await bench.fileRun(serialPlan(['us'], 1), { key: 'key-67890' })).not.toBe(ids[0]);
  expect(await bench.store.list({ limit: 10 })).toHaveLength(2);
});

test('reading runs admits none', async () => {
  const bench = await makeBench();
  const runId = await bench.fileRun(serialPlan(['us'], 1));
  expect((await bench.store.view(runId)).status).toBe('waiting');
  expect((await bench.store.list({ limit: 10 }))[0]?.status).toBe('waiting');
  expect(await bench.redis.redis.hlen('remora:locks')).toBe(0);
});

/** The rules of admission, told again as simply as can be. */
const admitByRules = (waiting: { id: string; clusters: string[] }[], locks: Map<string, string>): string[] => {
  const claimed = new Set<string>();
  return waiting.flatMap(({ id, clusters }) => {
    if (clusters.some((cluster) => locks.has(cluster) || claimed.has(cluster))) {
      for (const cluster of clusters) claimed.add(cluster);
      return [];
    }
    for (const cluster of clusters) locks.set(cluster, id);
    return [id];
  });
};

test('admission: all clusters or none, first in first out, nobody passes an earlier waiter', async () => {
  const bench = await makeBench();
  const clusters = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 3 });
  const action = fc.oneof(clusters, fc.nat({ max: 5 }));
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 20 }), async (actions) => {
      await bench.redis.redis.flushall();
      const locks = new Map<string, string>();
      let waiting: { id: string; clusters: string[] }[] = [];
      const running: string[] = [];
      for (const one of actions) {
        if (typeof one !== 'number') {
          waiting.push({ id: await bench.fileRun(serialPlan(one, 1)), clusters: one });
        } else {
          const [runId] = running.splice(one % Math.max(1, running.length), 1);
          if (runId === undefined) continue;
          await bench.redis.redis.hset(`remora:run:${runId}`, 'status', 'succeeded');
          expect(await bench.store.release(runId)).toBe('released');
          for (const [cluster, holder] of [...locks]) if (holder === runId) locks.delete(cluster);
        }
        const expected = admitByRules(waiting, locks);
        expect(await bench.store.admit()).toEqual(expected);
        expect(await bench.redis.redis.hgetall('remora:locks')).toEqual(Object.fromEntries(locks));
        waiting = waiting.filter(({ id }) => !expected.includes(id));
        running.push(...expected);
        for (const { id } of waiting) expect((await bench.store.view(id)).waitingFor).toMatch(/^run-/);
      }
    }),
    { numRuns: 60 },
  );
});

describe('opening the store', () => {
  test('gives the same store the same id, and refuses one of a newer layout', async () => {
    const bench = await makeBench();
    const first = await bench.openStore();
    expect((await bench.openStore()).storeId).toBe(first.storeId);
    await bench.redis.redis.hset('remora:meta', 'schemaVersion', 99);
    await expect(openStore({ path: bench.redis.path })).rejects.toThrow(/newer release/);
  });

  test('refuses a Redis that evicts keys, by name of the setting', async () => {
    const redis = await startRestartableRedis('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
    await expect(openStore({ path: redis.path })).rejects.toThrow(/maxmemory-policy allkeys-lru/);
    await redis.stop();
  });

  test('says which Redis does not answer', async () => {
    await expect(openStore({ url: 'redis://127.0.0.1:1/0' })).rejects.toMatchObject({
      code: 'store-unavailable',
      message: expect.stringContaining('127.0.0.1:1'),
    });
  });
});
