import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetRotationPhase } from '@remora/shared/model/fleet.ts';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { openBoundFleetCas } from '../../../coordinator/src/fleet/open-fleet-cas.ts';
import { refuseToStay } from '../../../coordinator/src/fleet/others.ts';
import { FleetCaRotation } from '../../../coordinator/src/fleet/rotation.ts';
import { rotationRecords } from '../../../coordinator/src/fleet/rotation-record.ts';
import { gatewayKeys } from '../../../coordinator/src/gateway/gateway-keys.ts';
import { makeNextFleetCa, openFleetCa } from '../../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import {
  removeNextFleetCa,
  replaceFleetCa,
  writeTrusted,
} from '../../../coordinator/src/pki/fleet-ca/fleet-ca-files.ts';
import { type FleetCas, openFleetCas, soleFleetCa } from '../../../coordinator/src/pki/fleet-ca/fleet-cas.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';

const clock = () => new Date();
/** The lines that the rotation logged. */
const told: string[] = [];
const log = pino({}, { write: (line: string) => void told.push(line) });
/** How often it looked whether it can go on. */
let looks = 0;
let fleet: GatewayFleet;
let one: TestCoordinator;
beforeAll(async () => {
  fleet = await startGatewayFleet();
  one = await fleet.coordinator('one');
});
afterAll(() => fleet.stop());
beforeEach(
  async () => void (await fleet.redis.del(keys.fleetCaRotation, keys.meta, keys.nodes, gatewayKeys.alive('two'))),
);
beforeEach(() => {
  told.splice(0);
  looks = 0;
});

/** What the coordinator `one` rotates it with. */
const rotationOf = (dataDir: string, fleetCas: FleetCas, serve: () => Promise<void>) =>
  new FleetCaRotation({
    ...{ redis: fleet.redis, clock, log, dataDir, coordinatorId: 'one', serve },
    fleetCas: {
      ...fleetCas,
      state() {
        looks += 1;
        return fleetCas.state();
      },
    },
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

const nothing = async (): Promise<void> => undefined;
const patiently = { timeout: 60_000 };

test('what the server could not do is tried again, and nothing goes on before it did', async () => {
  const { directory, old, next, open } = await during('renew');
  const { trusted } = (await open()).state();
  const fleetCas = openFleetCas({ trusted, signing: trusted[0] ?? old, lasting: next });
  let isFull = true;
  let tried = 0;
  const rotation = rotationOf(directory, fleetCas, async () => {
    tried += 1;
    if (isFull) throw new Error('ENOSPC');
  });
  onTestFinished(rotation.keepGoing(20));
  await expect.poll(() => tried, patiently).toBeGreaterThan(2);
  expect((await rotation.status()).rotation?.phase).toBe('renew');
  isFull = false;
  await expect.poll(async () => (await rotation.status()).rotation, patiently).toBeNull();
  expect((await rotation.status()).ca.fingerprint256).toBe(next.fingerprint256);
});

test.each<FleetRotationPhase>(['trust', 'renew', 'back'])(
  'a record in %s that is older than the files goes on to the end: the old CA is gone',
  async (phase) => {
    const { directory, redis, next, open } = await during(phase);
    await replaceFleetCa(directory);
    await removeNextFleetCa(directory);
    const rotation = rotationOf(directory, await open({ isPrivate: false }), nothing);
    onTestFinished(rotation.keepGoing(20));
    await expect.poll(async () => (await rotation.status()).rotation, patiently).toBeNull();
    expect(await redis.hget(keys.meta, 'fleetCaFingerprint')).toBe(next.fingerprint256);
  },
);

test.each<FleetRotationPhase>(['renew', 'drop'])(
  'a coordinator without the next CA ends no rotation in %s, and tells agents nothing',
  async (phase) => {
    const { directory, old } = await during(phase);
    await removeNextFleetCa(directory);
    const fleetCas = openFleetCas(soleFleetCa(old));
    const rotation = rotationOf(directory, fleetCas, nothing);
    onTestFinished(rotation.keepGoing(20));
    await expect.poll(() => looks, patiently).toBeGreaterThan(5);
    expect(told).toEqual([expect.stringContaining('fleet-ca-next.key are not that one')]);
    expect(fleetCas.isBehind()).toBe(true);
    expect((await rotation.status()).rotation?.phase).toBe(phase);
  },
);

test('a coordinator whose fleet CA the store does not belong to any more tells agents nothing', async () => {
  const { directory, redis, old, bind } = await during('renew');
  await redis.del(keys.fleetCaRotation);
  await bind('another');
  const fleetCas = openFleetCas(soleFleetCa(old));
  onTestFinished(rotationOf(directory, fleetCas, nothing).keepGoing(20));
  await expect.poll(() => fleetCas.isBehind(), patiently).toBe(true);
});

test('while another coordinator lives it does not go on, and that one does not stay', async () => {
  const { directory, redis, open } = await during('trust');
  const rotation = rotationOf(directory, await open(), nothing);
  await redis.set(gatewayKeys.alive('two'), '1');
  onTestFinished(rotation.keepGoing(20));
  await expect.poll(() => looks, patiently).toBeGreaterThan(5);
  expect(told).toEqual([expect.stringContaining('Other coordinators work with this store (two)')]);
  expect((await rotation.status()).rotation?.phase).toBe('trust');
  await expect(rotation.goOn('admin')).rejects.toMatchObject({ code: 'conflict' });
  await expect(refuseToStay({ redis, coordinatorId: 'two' })).rejects.toThrow(/by another coordinator .*\(one\)/);
  await redis.del(gatewayKeys.alive('two'));
  await expect.poll(async () => (await rotation.status()).rotation, patiently).toBeNull();
  await refuseToStay({ redis, coordinatorId: 'two' });
  await expect.poll(() => told[1], patiently).toContain('does not hold up the rotation of the fleet CA any more');
});

test('a hindrance is logged when it comes, when it becomes another one and when it has gone, and not at each look', async () => {
  const { directory, open } = await during('renew');
  const serving = { problem: 'no room', tries: 0 };
  const rotation = rotationOf(directory, await open(), async () => {
    serving.tries += 1;
    if (serving.problem !== '') throw new Error(serving.problem);
  });
  onTestFinished(rotation.keepGoing(20));
  const change = async (problem: string): Promise<void> => {
    const seen = serving.tries;
    await expect.poll(() => serving.tries, patiently).toBeGreaterThan(seen + 3);
    serving.problem = problem;
  };
  await change('no rights');
  await change('');
  const lines = ['no room', 'no rights', 'was rotated', 'does not hold up the rotation of the fleet CA any more'];
  await expect.poll(() => told, patiently).toEqual(lines.map((words) => expect.stringContaining(words)));
});

test('one that waits for trust goes on without it when asked to, and only then', async () => {
  const { directory, redis, next, open } = await during('trust');
  const away = { cluster: 'us', node: 'away', lastSeen: null, certificateFingerprint: 'a' };
  await redis.hset(keys.nodes, 'us/away', JSON.stringify(away));
  const fleetCas = await open();
  const rotation = rotationOf(directory, fleetCas, nothing);
  const gone = await rotation.goOn('admin');
  expect(gone.rotation).toMatchObject({ phase: 'renew', waitingFor: [{ node: 'away' }] });
  expect(fleetCas.state().signing.fingerprint256).toBe(next.fingerprint256);
  await expect(rotation.goOn('admin')).rejects.toThrow(/past waiting for trust/);
  await redis.del(keys.fleetCaRotation);
  await expect(rotation.goOn('admin')).rejects.toThrow(/nothing to go on with/);
  // The next CA is in use here: what a record that is gone does not say must not remove it.
  await expect(rotation.begin({ overlapMs: 0 }, 'admin')).rejects.toThrow(/Two fleet CAs are trusted here/);
  expect(await readdir(directory)).toContain('fleet-ca-next.key');
});
