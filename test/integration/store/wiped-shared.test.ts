import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { backUp } from '../../../coordinator/src/backup/back-up.ts';
import { restore } from '../../../coordinator/src/backup/restore.ts';
import { type CoordinatorConfig, readConfig } from '../../../coordinator/src/config.ts';
import { gatewayKeys, HIGHEST_FENCE } from '../../../coordinator/src/gateway/gateway-keys.ts';
import { readDurability } from '../../../coordinator/src/store/durability.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { RunStore } from '../../../coordinator/src/store/runs/run-store.ts';
import { createStoreBed, filesPlan } from '../../support/store-bed.ts';

const PASSPHRASE = 'correct horse battery';

test('a shared store that was wiped: refused at start, restored into the directory that is still there, and agents act again', async () => {
  await using bed = await createStoreBed({ shared: true });
  const file = join(bed.directory, 'backup');
  const place = (name: string, redisUrl = bed.redisUrl): Promise<CoordinatorConfig> => {
    const [, dataDir, , , , sealingKey] = bed.place(name) as [string, string, string, string, string, string];
    return readConfig({ dataDir, redisUrl, sealingKey });
  };
  const backUpFrom = async (redisUrl?: string) => backUp(await place('first', redisUrl), `${file}-2`, PASSPHRASE);
  const restoreTo = async (name: string, redisUrl?: string) => restore(await place(name, redisUrl), file, PASSPHRASE);
  const redis = bed.redis('first');
  const coordinator = await bed.start('first');
  await bed.join('first');
  expect((await bed.cli('first', ['secrets', 'set', 'p12', '--file', '-'], 'a value')).code).toBe(0);
  await backUp(await place('first'), file, PASSPHRASE);

  await redis.flushall();
  // At once: it has not said again that it lives.
  expect(await redis.keys(gatewayKeys.alive('*'))).toEqual([]);
  await expect(restoreTo('first')).rejects.toThrow('A coordinator works with this Redis');
  await expect(backUpFrom()).rejects.toThrow('The store was wiped');
  await coordinator.stop();
  // This Redis keeps nothing on disk.
  expect(await coordinator.log).toContain('the shared Redis may lose what was done: appendonly is no');
  const log = await bed.refused('first');
  expect(log).toContain('The store was wiped');
  expect(log).toContain(`remora restore FILE --data-dir ${bed.dataDir('first')}`);

  // Not wiped: it lost its identity alone.
  await redis.hset(keys.run('run-1'), 'status', 'succeeded');
  await redis.set(keys.runPlan('run-1'), '{}');
  await redis.hset(keys.secrets, 'p12@1', 'sealed');
  const kept = restoreTo('first', bed.redisUrl.replace('//', '//default:secret@'));
  await expect(kept).rejects.toMatchObject({
    message: expect.stringContaining('still holds 1 run(s), 1 version(s) of secrets and 0 record(s) of API keys'),
    hint: expect.stringMatching(/`redis-cli -u [^ ]+ --user default --scan .* \| xargs -r redis-cli -u .* unlink`/),
  });
  await expect(kept).rejects.not.toMatchObject({ hint: expect.stringContaining('secret@') });
  expect(await redis.hget(keys.secrets, 'p12@1')).toBe('sealed');
  await redis.flushall();

  // Another store: it does not become that of a new data directory by a start that it refused.
  await redis.hset(keys.meta, { storeId: 'staging', fleetCaFingerprint: 'another' });
  expect(await bed.refused('third')).toContain('This store belongs to the fleet CA another');
  expect(existsSync(join(bed.dataDir('third'), 'fleet-ca.crt'))).toBe(true);
  expect(existsSync(join(bed.dataDir('third'), 'store-id'))).toBe(false);
  expect(await bed.refused('first')).toContain(`remove ${join(bed.dataDir('first'), 'store-id')} and start again`);
  await redis.flushall();

  // A restore that Redis refuses half-way leaves nothing, nor does it take away what was there.
  await redis.acl('SETUSER', 'limited', 'on', '>pw', '~*', '+@all', '-restore');
  const limited = bed.redisUrl.replace('//', '//limited:pw@');
  await expect(restoreTo('second', limited)).rejects.toThrow('Redis did not take what the back-up holds');
  expect(readdirSync(bed.dataDir('second'))).toEqual([]);
  expect(existsSync(join(bed.directory, 'keys/second/sealing.key'))).toBe(false);
  expect(await redis.keys('remora:*')).toEqual([]);
  await expect(restoreTo('first', limited)).rejects.toThrow('Redis did not take what the back-up holds');
  expect(readdirSync(bed.dataDir('first'))).toEqual(expect.arrayContaining(['fleet-ca.key', 'store-id', 'server.crt']));
  expect(existsSync(join(bed.directory, 'keys/first/sealing.key'))).toBe(true);

  const args = ['restore', file, ...bed.place('first'), '--passphrase-file', '-'];
  const restored = await bed.cli('first', args, PASSPHRASE);
  expect(restored.code, restored.stderr).toBe(0);
  await expect(restoreTo('second')).rejects.toThrow('holds a store of Remora already');
  await bed.start('first');
  await bed.startAgent();
  const runId = await bed.fileRun(redis, filesPlan('a.p12'));
  const runs = new RunStore(redis, () => new Date());
  await expect.poll(async () => (await runs.view(runId)).status, { timeout: 60_000 }).toBe('succeeded');
  expect(await readFile(join(bed.configDir, 'a.p12'), 'utf8')).toBe('a value');

  // A Redis that may lose what it answered, one that does not say, and an agent that is not let in.
  await redis.config('SET', 'appendonly', 'yes');
  expect((await readDurability(redis)).problems).toEqual([expect.stringMatching(/^appendfsync is everysec: .*always/)]);
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  expect((await readDurability(redis)).problems[1]).toMatch(/^maxmemory-policy is allkeys-lru: .*noeviction/);
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
  await redis.acl('SETUSER', 'limited', '+restore', '-config');
  const silent = new Redis(limited);
  const { problems, unknown } = await readDurability(silent);
  silent.disconnect();
  expect({ problems, unknown }).toEqual({
    problems: [],
    unknown: expect.stringMatching(/asked for appendfsync \(NOPERM/),
  });
  await bed.stopAgent();
  await redis.hset(keys.meta, { [HIGHEST_FENCE]: '1' });
  await bed.startAgent();
  await expect.poll(() => redis.hkeys(gatewayKeys.refused), { timeout: 30_000 }).toEqual(['us/us-1']);
  const { stdout } = await bed.cli('first', ['doctor', '--json']);
  const fence = expect.stringMatching(/^refused: .* higher fence .* restore it to a new data directory/);
  expect(JSON.parse(stdout)).toEqual(
    expect.arrayContaining([
      { check: 'redis durability', ok: false, detail: expect.stringContaining('appendfsync is everysec') },
      { check: 'agent us/us-1', ok: false, detail: fence },
    ]),
  );
  await bed.stopAgent();
  await redis.hset(keys.meta, { [HIGHEST_FENCE]: String(Number.MAX_SAFE_INTEGER) });
  await bed.startAgent();
  await expect.poll(() => redis.exists(gatewayKeys.refused), { timeout: 30_000 }).toBe(0);

  // Files and a store that do not belong together.
  const own = await redis.hgetall(keys.meta);
  const foreign = `${bed.redisUrl}/1`;
  await redis.select(1);
  await redis.hset(keys.meta, { ...own, storeId: 'another' });
  const refusal = await backUpFrom(foreign).catch((error) => error);
  expect(refusal.message).toContain('The store is another one (another)');
  // Nobody who mistyped an address is told to empty what lies there.
  expect(refusal.hint).toMatch(/name an empty one instead\. Restore the newest back-up into it/);
  expect(refusal.hint).not.toContain('unlink');
  await redis.hset(keys.meta, { storeId: own.storeId ?? '', fleetCaFingerprint: 'another' });
  await expect(backUpFrom(foreign)).rejects.toThrow('This store belongs to the fleet CA another');
  await redis.hset(keys.meta, { fleetCaFingerprint: own.fleetCaFingerprint ?? '', sealingKeyId: 'another' });
  await expect(backUpFrom(foreign)).rejects.toThrow('This store belongs to the sealing key another');
  expect(existsSync(`${file}-2`)).toBe(false);

  // The command that gives a store up means the Redis that was named, and no other.
  const { hint } = await restoreTo('second', `${limited}/1`).catch((error) => error);
  expect(hint).not.toContain('pw@');
  const [, command = ''] = /`(.*)`, with its password in REDISCLI_AUTH/.exec(hint) ?? [];
  await promisify(execFile)('sh', ['-c', command], { env: { ...process.env, REDISCLI_AUTH: 'pw' } });
  expect(await redis.keys('remora:*')).toEqual([]);
  await redis.select(0);
  expect(await redis.hget(keys.meta, 'storeId')).toBe(own.storeId);
});
