import { sign, X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FleetStatus } from '@remora/shared/model/fleet.ts';
import type { DoctorLine } from '@remora/shared/model/inventory.ts';
import { renewalProof } from '@remora/shared/protocol/enrol.ts';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { generateRsaKeyPair } from '../../../coordinator/src/pki/keys.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import type { SmallAgent } from '../../support/small-agent.ts';
import { type Credentials, WireAgent } from '../../support/wire-agent.ts';
import { fingerprintsIn, patiently, type RotationBed, startRotationBed } from './rotation-bed.ts';

let bed: RotationBed;
let a: SmallAgent;
let b: SmallAgent;

beforeAll(async () => {
  bed = await startRotationBed();
  const token = await bed.token(2);
  [a, b] = await Promise.all([bed.agent('a', token), bed.agent('b', token)]);
});
afterAll(() => bed[Symbol.asyncDispose]());

const trustedBy = (agent: SmallAgent): Promise<string[]> => fingerprintsIn(join(agent.dataDir, 'fleet-ca.crt'));
const nextFiles = async (): Promise<string[]> =>
  (await readdir(bed.dataDir)).filter((name) => name.startsWith('fleet-ca-next')).sort();
const boundTo = (): Promise<string | null> => bed.redis.hget(keys.meta, 'fleetCaFingerprint');
const online = (...names: string[]) =>
  expect
    .poll(async () => (await Promise.all(names.map((name) => bed.isOnline(name)))).every(Boolean), patiently)
    .toBe(true);
const waits = (what: string) => expect.poll(() => bed.waits(), patiently).toBe(what);
const begin = () => bed.json<FleetStatus>('fleet', 'rotate-ca', '--overlap', '0s', '--yes', '--detach');
const run = async (agent: SmallAgent) => {
  const running = await agent.run();
  onTestFinished(() => running.stop());
  return running;
};
/** What an agent shows, from its file. */
const identityOf = async (agent: SmallAgent, name: string): Promise<Credentials> => {
  const text = await readFile(join(agent.dataDir, 'identity.pem'), 'utf8');
  const ca = await readFile(join(bed.dataDir, 'fleet-ca.crt'), 'utf8');
  return { name, cluster: 'us', key: text, cert: text, ca, storeId: '' };
};
/** Asks for a certificate of a new key, and does not show it. */
const renew = async (agent: WireAgent): Promise<{ key: string; cert: string }> => {
  const { publicKeyPem, privateKeyPem } = await generateRsaKeyPair(2048);
  const proof = Buffer.from(renewalProof('us', agent.credentials.name, publicKeyPem));
  agent.send({ type: 'renew', publicKeyPem, signature: sign('sha256', proof, privateKeyPem).toString('base64') });
  return { key: privateKeyPem, cert: (await agent.next('renewed')).certificatePem };
};
/** Everything is of one CA, which is this one. */
const isWhollyOf = async (ca: string, agents: Readonly<Record<string, SmallAgent>>): Promise<void> => {
  expect(await bed.trusted()).toEqual([ca]);
  expect(await nextFiles()).toEqual([]);
  expect(await boundTo()).toBe(ca);
  const [served = ''] = await fingerprintsIn(join(bed.dataDir, 'server.crt')).then((all) => all.slice(1));
  expect(served).toBe(ca);
  for (const [name, agent] of Object.entries(agents)) {
    expect((await bed.record(name))?.certificateIssuer).toBe(ca);
    await expect.poll(() => trustedBy(agent), patiently).toEqual([ca]);
    await expect.poll(async () => (await bed.record(name))?.fleetCas, patiently).toEqual([ca]);
  }
};

test('a whole rotation: agents are online all the while, and at the end nothing of the old CA counts', async () => {
  await Promise.all([run(a), run(b)]);
  await online('a', 'b');
  const { ca: old } = await bed.status();
  const [identity, token] = [await identityOf(a, 'a'), await bed.token()];
  const seen = new Set<boolean>();
  const watch = setInterval(async () => seen.add((await bed.isOnline('a')) && (await bed.isOnline('b'))), 5);

  const followed = await bed.remora('fleet', 'rotate-ca', '--overlap', '0s', '--yes', '--json');
  clearInterval(watch);
  expect(followed.code, followed.stderr).toBe(0);
  expect(followed.stderr).toMatch(/Rotation: trust[\s\S]*The fleet CA was replaced/);
  const { ca, rotation } = JSON.parse(followed.stdout) as FleetStatus;
  expect([rotation, ca.fingerprint256 === old.fingerprint256]).toEqual([null, false]);
  expect(seen).toEqual(new Set([true]));
  await isWhollyOf(ca.fingerprint256, { a, b });
  expect((await stat(join(bed.dataDir, 'fleet-ca.key'))).mode & 0o777).toBe(0o600);

  await expect(
    WireAgent.dial(bed.url, { ...identity, ca: await readFile(join(bed.dataDir, 'fleet-ca.crt'), 'utf8') }),
  ).rejects.toThrow(/issued by another CA than this fleet's/);
  await expect(bed.agent('late', token)).rejects.toThrow(/another fleet CA than the token names/);
  const audit = await bed.json<{ action: string }[]>('audit', 'list');
  expect(audit.map(({ action }) => action).filter((action) => action.startsWith('fleet-ca'))).toEqual([
    'fleet-ca.rotated',
    'fleet-ca.drop',
    'fleet-ca.renew',
    'fleet-ca.rotate',
  ]);
});

test('an agent that is away is waited for, over a kill of the coordinator; a token from before still counts meanwhile', async () => {
  await run(a);
  await online('a');
  const [before, token] = [await bed.status(), await bed.token()];
  await begin();
  await waits('trust b');
  expect(await nextFiles()).toEqual(['fleet-ca-next.crt', 'fleet-ca-next.key']);
  expect((await stat(join(bed.dataDir, 'fleet-ca-next.key'))).mode & 0o777).toBe(0o600);
  expect((await bed.trusted())[0]).toBe(before.ca.fingerprint256);
  const doctor = JSON.parse((await bed.remora('doctor', '--json')).stdout) as DoctorLine[];
  expect(doctor.find(({ check }) => check === 'rotation of the fleet CA')).toMatchObject({
    ...{ ok: false, detail: expect.stringContaining('us/b (offline') },
  });
  expect(await bed.remora('fleet', 'rotate-ca', '--yes')).toMatchObject({
    ...{ code: 64, stderr: expect.stringContaining('is being rotated since') },
  });

  await bed.killAndStart();
  await waits('trust b');
  expect((await trustedBy(a)).length).toBe(2);
  const c = await bed.agent('c', token);
  expect(await trustedBy(c)).toEqual(await bed.trusted());
  await waits('trust b c');
  await Promise.all([run(b), run(c)]);
  await waits('none');
  const after = await bed.status();
  expect(after.ca.fingerprint256).not.toBe(before.ca.fingerprint256);
  await isWhollyOf(after.ca.fingerprint256, { a, b, c });
  await bed.json('nodes', 'remove', 'c');
});

test('kills while agents renew and while the files are replaced; who was removed meanwhile cannot come back', async () => {
  await Promise.all([run(a), run(b)]);
  await online('a', 'b');
  const wire = await bed.wireAgent('w');
  const token = await bed.token();
  const { rotation } = await begin();
  const [from = '', to = ''] = [rotation?.from.fingerprint256, rotation?.to.fingerprint256];
  const { certificatesPem } = await wire.next('trust');
  expect(certificatesPem.map((pem) => new X509Certificate(pem).ca)).toEqual([true, true]);
  await waits('trust w');
  wire.send({ type: 'trusted', fingerprints: [from, to] });
  expect((await wire.next('renew-soon')).withinMs).toBeGreaterThan(0);
  await waits('renew w');
  expect([(await bed.record('a'))?.certificateIssuer, (await bed.status()).ca.fingerprint256]).toEqual([to, to]);

  // The token names the old CA, the server shows a certificate of the new one: the old one vouches for it.
  const d = await bed.agent('d', token);
  expect(await trustedBy(d)).toEqual([from, to]);
  expect((await bed.record('d'))?.certificateIssuer).toBe(to);
  await bed.killAndStart('after:fleet-ca.key');
  await online('a', 'b');
  await waits('renew d w');
  await bed.json('nodes', 'remove', 'd');
  const { credentials } = wire;
  await bed.json('nodes', 'remove', 'w');
  // All are done: it goes on, and dies between the two files.
  await expect.poll(() => bed.coordinator().child.signalCode, patiently).toBe('SIGKILL');
  expect(await boundTo()).toBe(from);
  expect((await bed.trusted())[0]).toBe(from);
  await bed.start();
  await waits('none');
  await online('a', 'b');
  await isWhollyOf(to, { a, b });
  const ca = await readFile(join(bed.dataDir, 'fleet-ca.crt'), 'utf8');
  await expect(WireAgent.dial(bed.url, { ...credentials, ca })).rejects.toThrow(/another CA than this fleet's/);
});

test('one that is cancelled while agents renew gives them certificates of the old CA again', async () => {
  await Promise.all([run(a), run(b)]);
  await online('a', 'b');
  const wire = await bed.wireAgent('x');
  const { rotation } = await begin();
  const [from = '', to = ''] = [rotation?.from.fingerprint256, rotation?.to.fingerprint256];
  await wire.next('trust');
  wire.send({ type: 'trusted', fingerprints: [from, to] });
  await waits('renew x');
  // It holds a certificate of the new CA that it did not show yet: that counts too.
  await wire.next('renew-soon');
  await renew(wire);
  expect((await bed.record('x'))?.renewedCertificate?.issuer).toBe(to);
  const cancelling = bed.remora('fleet', 'rotate-ca', '--cancel', '--yes', '--json');
  await wire.next('renew-soon');
  await renew(wire);
  const cancelled = await cancelling;
  expect(cancelled.code, cancelled.stderr).toBe(0);
  expect(JSON.parse(cancelled.stdout)).toMatchObject({ rotation: null, ca: { fingerprint256: from } });
  await isWhollyOf(from, { a, b });
  expect(await bed.remora('fleet', 'rotate-ca', '--cancel', '--yes')).toMatchObject({
    ...{ code: 64, stderr: expect.stringContaining('there is nothing to cancel') },
  });
  await wire.close();
  await bed.json('nodes', 'remove', 'x');
});

test('an agent that did not follow to the end is named, and told again until it did', async () => {
  await Promise.all([run(a), run(b)]);
  await online('a', 'b');
  const before = await bed.wireAgent('y');
  const { rotation } = await begin();
  const [from = '', to = ''] = [rotation?.from.fingerprint256, rotation?.to.fingerprint256];
  await before.next('trust');
  before.send({ type: 'trusted', fingerprints: [from, to] });
  await before.next('renew-soon');
  const renewed = await renew(before);
  const ca = await readFile(join(bed.dataDir, 'fleet-ca.crt'), 'utf8');
  const agent = await WireAgent.dial(bed.url, { ...before.credentials, ...renewed, ca });
  agent.hello({ trusts: [from, to], elasticsearch: { running: false, configDir: '/etc/elasticsearch', pid: null } });
  await agent.next('welcome');
  const beat = { type: 'heartbeat' as const, running: false, pid: null, delivery: null };
  const beats = setInterval(() => agent.send(beat), 2000);
  onTestFinished(() => clearInterval(beats));
  await waits('none');
  const behind = async () => (await bed.status()).behind.map(({ node }) => node);
  await expect.poll(behind, patiently).toEqual(['y']);
  const doctor = JSON.parse((await bed.remora('doctor', '--json')).stdout) as DoctorLine[];
  expect(doctor.find(({ check }) => check === 'trust in the fleet CA')).toMatchObject({
    ...{ ok: false, detail: expect.stringContaining('us/y (online) trusts a fleet CA yet') },
  });
  // It did not answer, of a full disk say.
  const [first, again] = [await agent.next('trust'), await agent.next('trust')];
  expect(again).toEqual(first);
  expect(first.certificatesPem).toHaveLength(1);
  agent.send({ type: 'trusted', fingerprints: [to] });
  await expect.poll(behind, patiently).toEqual([]);
  await agent.close();
  await bed.json('nodes', 'remove', 'y');
});
