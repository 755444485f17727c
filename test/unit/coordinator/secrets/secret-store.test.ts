import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSealer } from '../../../../coordinator/src/secrets/sealing.ts';
import { SecretStore } from '../../../../coordinator/src/secrets/secret-store.ts';
import { startRedis, type TestRedis } from '../../../support/redis.ts';

let server: TestRedis;
let redis: Redis;
const key = randomBytes(32);
const now = new Date('2026-03-01T00:00:00Z');
const open = (sealingKey = key): SecretStore => new SecretStore(redis, createSealer(sealingKey), { now: () => now });

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
});

describe('SecretStore', () => {
  test('put gives each value a version of its own, get finds them', async () => {
    const store = open();
    expect(await store.put('us/admin', 'one')).toBe('secret:us/admin@1');
    expect(await store.put('us/admin', Buffer.from([0, 255]))).toBe('secret:us/admin@2');
    expect((await store.get('secret:us/admin@1')).toString()).toBe('one');
    expect(await store.get('secret:us/admin@2')).toEqual(Buffer.from([0, 255]));
    expect(await store.get('secret:us/admin')).toEqual(Buffer.from([0, 255]));
  });

  test('many writers at once get many versions', async () => {
    const stores = [open(), open(), open()];
    const values = Array.from({ length: 30 }, (_, index) => `value-${index}`);
    const references = await Promise.all(values.map((value, index) => stores[index % 3]?.put('x', value) ?? ''));
    expect(new Set(references).size).toBe(30);
    const stored = await Promise.all(references.map(async (reference) => (await open().get(reference)).toString()));
    expect(stored).toEqual(values);
  });

  test('mint makes a value once, also for callers that race', async () => {
    const values = await Promise.all(
      Array.from({ length: 20 }, () => open().mint('p12', 1, async () => randomBytes(16))),
    );
    expect(new Set(values.map((value) => value.toString('hex'))).size).toBe(1);
    const again = await open().mint('p12', 1, () => {
      throw new Error('must not be made again');
    });
    expect(again).toEqual(values[0]);
    expect(await open().get('secret:p12@1')).toEqual(values[0]);
  });

  test('a driver that was taken over mints nothing, also where it read before that nothing was there', async () => {
    const driver = { run: 'remora:run:r', fence: 7 };
    await redis.hset(driver.run, 'fence', '7');
    const late = open().mint(
      'key',
      1,
      async () => {
        await redis.hset(driver.run, 'fence', '8');
        return 'of the driver that slept';
      },
      driver,
    );
    await expect(late).rejects.toMatchObject({ code: 'fence-stale' });
    expect(await open().list()).toEqual([]);
    const own = await open().mint('key', 1, () => 'of its successor', { ...driver, fence: 8 });
    expect(own.toString()).toBe('of its successor');
    await expect(open().mint('key', 2, () => 'x', driver)).rejects.toMatchObject({ code: 'fence-stale' });
  });

  test('a failed make leaves nothing', async () => {
    await expect(open().mint('p12', 1, () => Promise.reject(new Error('no key')))).rejects.toThrow('no key');
    expect(await open().list()).toEqual([]);
    expect(await open().latestVersion('p12')).toBe(0);
  });

  test('list tells names and versions, never a value', async () => {
    const store = open();
    await store.put('b', 'hidden-value');
    await store.mint('a', 3, () => 'hidden-value');
    await store.mint('a', 1, () => 'hidden-value');
    expect(await store.list()).toEqual([
      { name: 'a', versions: [1, 3], createdAt: now.toISOString() },
      { name: 'b', versions: [1], createdAt: now.toISOString() },
    ]);
    expect((await store.get('secret:a')).toString()).toBe('hidden-value');
    expect(await store.latestVersion('a')).toBe(3);
  });

  test('remove takes every version, and no number is used twice', async () => {
    const store = open();
    await store.put('a', 'one');
    await store.put('a', 'two');
    expect(await store.remove('a')).toBe(true);
    expect(await store.remove('a')).toBe(false);
    expect(await store.remove('never')).toBe(false);
    expect(await store.list()).toEqual([]);
    await expect(store.get('secret:a')).rejects.toMatchObject({
      code: 'not-found',
      message: 'secret:a is not in the store.',
    });
    await expect(store.get('secret:a@1')).rejects.toMatchObject({ code: 'not-found' });
    await expect(store.mint('a', 1, () => 'other')).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('secret:a@1 was removed'),
    });
    expect(await store.versions()).toEqual({ a: -2 });
    expect(await store.put('a', 'three')).toBe('secret:a@3');
    expect(await store.versions()).toEqual({ a: 3 });
    expect((await store.get('secret:a')).toString()).toBe('three');
  });

  test('Redis holds no value in any readable form', async () => {
    const canary = 'canary-5ba7f1e0-value';
    await open().put('a', canary);
    const dump = await server.filesText();
    expect(dump).toContain('sealed1.');
    expect(dump).not.toContain(canary);
    expect(dump).not.toContain(Buffer.from(canary).toString('base64url'));
  });

  test('a value that was moved to another name, or sealed with another key, is not opened', async () => {
    const store = open();
    await store.put('low', 'value');
    await store.put('high', 'value');
    await redis.hset('remora:secrets', 'high@1', (await redis.hget('remora:secrets', 'low@1')) ?? '');
    await expect(store.get('secret:high')).rejects.toThrow(/altered or belongs elsewhere/);
    await expect(open(randomBytes(32)).get('secret:low')).rejects.toThrow(/is not the one it was sealed with/);
  });

  test.each(['', 'a b', '-a', 'a@1', 'x'.repeat(300)])('refuses the name %j', async (name) => {
    await expect(open().put(name, 'v')).rejects.toMatchObject({ code: 'bad-input' });
    await expect(open().mint(name, 1, () => 'v')).rejects.toMatchObject({ code: 'bad-input' });
  });

  test.each([0, -1, 1.5])('refuses the version %s', async (version) => {
    await expect(open().mint('a', version, () => 'v')).rejects.toMatchObject({ code: 'bad-input' });
  });
});
