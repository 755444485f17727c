import { randomUUID } from 'node:crypto';
import { parseJoinToken } from '@remora/shared/protocol/join-token.ts';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { joinTokens } from '../../../coordinator/src/gateway/enrol/join-tokens.ts';
import { createSealer } from '../../../coordinator/src/secrets/sealing.ts';
import { SecretStore } from '../../../coordinator/src/secrets/secret-store.ts';
import { openInventory } from '../../../coordinator/src/store/inventory.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { RunControl } from '../../../coordinator/src/store/runs/run-control.ts';
import { headOf } from '../../../coordinator/src/store/runs/run-hash.ts';
import { RunStore } from '../../../coordinator/src/store/runs/run-store.ts';
import { clock, expectToHold, told } from './audit-bench.ts';
import { type Bench, makeBench } from './bench.ts';
import { serialPlan } from './effects.ts';
import { openForgetfulRedis } from './forgetful-redis.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a reply that was lost', () => {
  /** What is done through a Redis that loses the first reply to every command with one of these marks. */
  const forgetful = async (bench: Bench, mark: string) => {
    const way = await openForgetfulRedis(bench.redis.path, mark);
    const redis = new Redis({ path: way.path, retryStrategy: () => 20 });
    redis.on('error', () => undefined);
    cleanups.push(async () => {
      redis.disconnect();
      await way.close();
    });
    return { redis, way };
  };

  test('appends once and is no failure: runs', async () => {
    const bench = await makeBench();
    const { redis, way } = await forgetful(bench, 'run-lost');
    const [store, control] = [new RunStore(redis, clock), new RunControl(redis, clock)];
    const plan = serialPlan(['us'], 1);
    const head = headOf(plan, { runId: 'run-lost', actor: 'anna', createdAt: clock().toISOString(), options: {} });
    expect(await store.create(head, plan, undefined)).toBe('run-lost');
    await bench.store.admit();
    const take = async () => {
      const taken = await bench.store.take('run-lost');
      if (!taken) throw new Error('an admitted run can be taken');
      return taken;
    };
    const end = async (status: string): Promise<void> => {
      const { fence, version } = await take();
      const audit = { actor: 'anna', action: 'run.end', target: 'us', outcome: status };
      const write = { fence, version, request: randomUUID(), patch: { status }, event: null, audit };
      expect(await store.write('run-lost', write)).toBe(version + 1);
    };
    await control.cancel('run-lost', { actor: 'ben' });
    await end('failed');
    await control.resume('run-lost', { actor: 'ben' });
    await bench.store.admit();
    await bench.redis.redis.hset(keys.run('run-lost'), 'status', 'paused');
    await control.continue('run-lost', { actor: 'carl' });
    await bench.redis.redis.hset(keys.run('run-lost'), 'status', 'paused');
    await bench.redis.redis.hdel(keys.run('run-lost'), 'stop');
    await control.cancel('run-lost', { actor: 'dora' });
    expect(await told(bench)).toEqual([
      'anna run.create us -',
      'ben run.cancel us -',
      'anna run.end us failed',
      'ben run.resume us -',
      'carl run.continue us -',
      'dora run.cancel us -',
      'dora run.end us cancelled',
    ]);
    expect(way.lost()).toBeGreaterThanOrEqual(6);
    await expectToHold(bench, 7);
  });

  test('appends once and is no failure: clusters and secrets', async () => {
    const bench = await makeBench();
    const { redis, way } = await forgetful(bench, 'audit-head');
    const { clusters } = openInventory(redis);
    const secrets = new SecretStore(redis, createSealer(Buffer.alloc(32, 1)));
    const cluster = {
      ...{ name: 'us', urls: ['https://us-1:9200'], caPem: null, user: 'remora', password: 'secret:us@1' },
      ...{ clusterUuid: 'uuid', addedAt: clock().toISOString() },
    };
    const by = (action: string) => ({ actor: 'anna', action, target: 'us' });
    expect(await clusters.add('us', cluster, by('cluster.add'))).toBe(true);
    expect(await clusters.add('us', cluster, by('cluster.add'))).toBe(false);
    expect(await clusters.change('us', (record) => ({ ...record, user: 'other' }), by('cluster.update'))).toBe(true);
    expect(await clusters.remove('us', by('cluster.remove'))).toBe(true);
    expect(await clusters.remove('us', by('cluster.remove'))).toBe(false);
    expect(await secrets.put('team/a', 'the value that nobody may see', 'anna')).toBe('secret:team/a@1');
    expect(await secrets.put('team/a', 'the other value', 'anna')).toBe('secret:team/a@2');
    expect(await secrets.remove('team/a', 'anna')).toBe(true);
    expect(await secrets.remove('team/a', 'anna')).toBe(false);
    expect(await told(bench)).toEqual([
      'anna cluster.add us -',
      'anna cluster.update us -',
      'anna cluster.remove us -',
      'anna secret.set team/a -',
      'anna secret.set team/a -',
      'anna secret.remove team/a -',
    ]);
    expect(way.lost()).toBeGreaterThanOrEqual(9);
    await expectToHold(bench, 6);
  });

  test('appends once and is no failure: a token and the joins with it', async () => {
    const bench = await makeBench();
    const { redis, way } = await forgetful(bench, 'audit-head');
    const caFingerprint = () => 'a'.repeat(64);
    const about = { redis, url: 'https://localhost:1', caFingerprint, clusterExists: async () => true };
    const tokens = joinTokens(about);
    const { token } = await tokens.create({ cluster: 'us', ttlMs: 60_000, uses: 1, actor: 'anna' });
    const { id, secret } = parseJoinToken(token);
    const held = await tokens.hold(id, secret, 'key');
    const record = {
      ...{ cluster: 'us', node: 'us-1', agentVersion: '0', certificateFingerprint: 'f', joinedAt: 'now' },
      ...{ lastSeen: null, running: true, configDir: '/etc', nodeId: null, version: null },
    };
    const join = { token: held, publicKeyPem: 'key', certificatePem: 'certificate', record, unverifiedName: null };
    await tokens.spend(join);
    await expect(tokens.spend({ ...join, publicKeyPem: 'another', certificatePem: 'another' })).rejects.toThrow(
      /used up/,
    );
    expect(await told(bench)).toEqual(['anna token.create us -', `token ${id} node.join us/us-1 -`]);
    expect(way.lost()).toBeGreaterThanOrEqual(3);
    await expectToHold(bench, 2);
  });
});
