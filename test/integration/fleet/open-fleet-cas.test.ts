import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetRotationPhase } from '@remora/shared/model/fleet.ts';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { openBoundFleetCas } from '../../../coordinator/src/fleet/open-fleet-cas.ts';
import { FleetCaRotation } from '../../../coordinator/src/fleet/rotation.ts';
import { rotationRecords } from '../../../coordinator/src/fleet/rotation-record.ts';
import { gatewayKeys } from '../../../coordinator/src/gateway/gateway-keys.ts';
import { makeNextFleetCa, openFleetCa } from '../../../coordinator/src/pki/fleet-ca.ts';
import { removeNextFleetCa, replaceFleetCa, writeTrusted } from '../../../coordinator/src/pki/fleet-ca-files.ts';
import type { FleetCas } from '../../../coordinator/src/pki/fleet-cas.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';

const clock = () => new Date();
const log = pino({ level: 'silent' });
let fleet: GatewayFleet;
let one: TestCoordinator;
beforeAll(async () => {
  fleet = await startGatewayFleet();
  one = await fleet.coordinator('one');
});
afterAll(() => fleet.stop());
beforeEach(async () => void (await fleet.redis.del(keys.fleetCaRotation, keys.meta, gatewayKeys.alive('two'))));

/** What the coordinator `one` rotates it with. */
const rotationOf = (dataDir: string, fleetCas: FleetCas, serve: () => Promise<void>) =>
  new FleetCaRotation({
    ...{ redis: fleet.redis, clock, log, dataDir, coordinatorId: 'one', fleetCas, serve },
    ...{ nodes: fleet.inventory.nodes, gateway: one.gateway },
  });

/** A directory and a store in the midst of a rotation. */
const during = async (phase: FleetRotationPhase) => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-fleet-cas-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const { redis } = fleet;
  const old = await openFleetCa({ directory, now: clock });
  const next = await makeNextFleetCa({ directory, now: clock });
  await writeTrusted(directory, [old.certificatePem, next.certificatePem]);
  const at = clock().toISOString();
  await rotationRecords(redis, clock).begin({
    ...{ phase, startedAt: at, startedBy: 'admin', phaseSince: at, switchAfter: at },
    ...{ from: old, to: next },
  });
  const bind = (fingerprint256: string) => redis.hset(keys.meta, 'fleetCaFingerprint', fingerprint256);
  await bind(old.fingerprint256);
  const open = async ({ isPrivate = true } = {}) =>
    openBoundFleetCas({
      ...{ redis, dataDir: directory, isPrivate, coordinatorId: 'one' },
      fleetCa: await openFleetCa({ directory, now: clock }),
    });
  const names = async () => {
    const { trusted, signing, lasting } = (await open()).state();
    const name = ({ fingerprint256 }: { fingerprint256: string }) =>
      fingerprint256 === old.fingerprint256 ? 'old' : 'new';
    return [trusted.map(name).join('+'), name(signing), name(lasting)].join(' ');
  };
  return { directory, redis, old, next, bind, open, names };
};

test.each<[FleetRotationPhase, string]>([
  ['trust', 'old+new old new'],
  ['renew', 'old+new new new'],
  ['back', 'old+new old old'],
  ['drop', 'old+new new new'],
])('a start in %s: trusted, signing, lasting', async (phase, expected) => {
  const { names, directory } = await during(phase);
  expect(await names()).toBe(expected);
  expect((await readFile(join(directory, 'fleet-ca.crt'), 'utf8')).match(/BEGIN/g)).toHaveLength(2);
});

/** Every state that a crash can leave while the old one goes. */
test.each(['nothing was done', 'the files are replaced', 'the next files are gone', 'the store is bound'])(
  'a start where %s goes on to the end',
  async (done) => {
    const { directory, redis, next, bind, open } = await during('drop');
    if (done !== 'nothing was done') await replaceFleetCa(directory);
    if (done === 'the next files are gone' || done === 'the store is bound') await removeNextFleetCa(directory);
    if (done === 'the store is bound') await bind(next.fingerprint256);
    const fleetCas = await open({ isPrivate: false });
    let served = 0;
    const rotation = rotationOf(directory, fleetCas, async () => {
      served += 1;
    });
    onTestFinished(rotation.keepGoing(20));
    await expect.poll(async () => (await rotation.status()).rotation, { timeout: 60_000 }).toBeNull();
    expect((await rotation.status()).ca.fingerprint256).toBe(next.fingerprint256);
    expect((await readdir(directory)).sort()).toEqual(['fleet-ca.crt', 'fleet-ca.key']);
    expect(await redis.hget(keys.meta, 'fleetCaFingerprint')).toBe(next.fingerprint256);
    expect((await open({ isPrivate: false })).state().signing.fingerprint256).toBe(next.fingerprint256);
    expect(served).toBeGreaterThan(0);
  },
);

test('a start without the files of the next CA is refused, and says what to do', async () => {
  const { directory, open } = await during('renew');
  await removeNextFleetCa(directory);
  await expect(open()).rejects.toMatchObject({
    ...{ code: 'data-directory', message: expect.stringContaining('fleet-ca-next.key are not that one') },
    hint: expect.stringContaining('Copy both from a back-up'),
  });
});

test('a start beside the coordinator that rotates is refused', async () => {
  const { redis, open } = await during('trust');
  await redis.set(gatewayKeys.alive('two'), '1');
  await expect(open()).rejects.toMatchObject({
    ...{
      code: 'conflict',
      message: expect.stringMatching(/is being rotated since .* by another coordinator .*\(two\)/),
    },
  });
});

test('a store that belongs to neither of the two is refused', async () => {
  const { bind, open } = await during('trust');
  await bind('another');
  await expect(open()).rejects.toMatchObject({ code: 'data-directory' });
});

test('who takes the fleet CA away from a private store begins anew', async () => {
  const { directory, redis, open } = await during('renew');
  await rm(join(directory, 'fleet-ca.crt'));
  await rm(join(directory, 'fleet-ca.key'));
  const fleetCas = await open();
  expect(fleetCas.state().trusted).toHaveLength(1);
  expect((await readdir(directory)).sort()).toEqual(['fleet-ca.crt', 'fleet-ca.key']);
  expect(await redis.get(keys.fleetCaRotation)).toBeNull();
});

test('one that is not begun for other coordinators changes nothing', async () => {
  const { directory, redis, open } = await during('trust');
  await redis.del(keys.fleetCaRotation);
  await removeNextFleetCa(directory);
  await writeFile(join(directory, 'other'), '');
  const fleetCas = await open();
  await redis.set(gatewayKeys.alive('two'), '1');
  const rotation = rotationOf(directory, fleetCas, async () => undefined);
  await expect(rotation.begin({ overlapMs: 0 }, 'admin')).rejects.toMatchObject({
    ...{ code: 'conflict', message: expect.stringContaining('Other coordinators work with this store (two)') },
  });
  expect((await rotation.status()).rotation).toBeNull();
  expect((await readdir(directory)).sort()).toEqual(['fleet-ca.crt', 'fleet-ca.key', 'other']);
});
