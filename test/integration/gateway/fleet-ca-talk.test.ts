import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseJoinToken } from '@remora/shared/protocol/join-token.ts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { enrol } from '../../../agent/src/identity/enrolment.ts';
import { fingerprintOf, parseCas } from '../../../agent/src/identity/fleet-cas.ts';
import { stateIn } from '../../../coordinator/src/fleet/rotation-state.ts';
import { type FleetCa, openFleetCa } from '../../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import { type FleetCas, openFleetCas, soleFleetCa } from '../../../coordinator/src/pki/fleet-ca/fleet-cas.ts';
import { generateRsaKeyPair } from '../../../coordinator/src/pki/keys.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';
import { joinAgent, WireAgent } from '../../support/wire-agent.ts';

/** Only a hang is to be found out: a machine that is busy with other tests takes its time. */
const patiently = { timeout: 60_000 };
const directory = await mkdtemp(join(tmpdir(), 'remora-next-ca-'));

let fleet: GatewayFleet;
let fleetCas: FleetCas;
let one: TestCoordinator;
let old: FleetCa;
let next: FleetCa;
beforeAll(async () => {
  fleet = await startGatewayFleet();
  old = fleet.fleetCa;
  next = await openFleetCa({ directory, now: () => new Date() });
  fleetCas = openFleetCas(soleFleetCa(old));
  one = await fleet.coordinator('one', { fleetCas });
});
afterAll(async () => {
  await fleet.stop();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => fleetCas.become(soleFleetCa(old)));

const ids = (...cas: readonly FleetCa[]): string[] => cas.map(({ fingerprint256 }) => fingerprint256);
const joined = (name: string) => joinAgent(fleet, one, { name });
const record = (name: string) => fleet.inventory.nodes.get(`us/${name}`);

test('an agent is told of another CA at once, or when it comes; what it answers is on record', async () => {
  const agent = await WireAgent.connect(one.url, await joined('here'), { trusts: ids(old) });
  expect(await record('here')).toMatchObject({ fleetCas: ids(old), certificateIssuer: old.fingerprint256 });
  fleetCas.become(stateIn('trust', old, next));
  one.gateway.talkOfFleetCas(new Set());
  expect((await agent.next('trust')).certificatesPem).toEqual([old.certificatePem, next.certificatePem]);
  agent.send({ type: 'trusted', fingerprints: ids(old, next) });
  await expect.poll(async () => (await record('here'))?.fleetCas, patiently).toEqual(ids(old, next));

  fleetCas.become(stateIn('renew', old, next));
  one.gateway.talkOfFleetCas(new Set());
  one.gateway.talkOfFleetCas(new Set(['us/here']));
  one.gateway.talkOfFleetCas(new Set(['us/here']));
  await agent.next('renew-soon');
  await agent.close();
  expect(agent.received).toEqual([]);

  // One that was away meanwhile, and comes back to others.
  fleetCas.become({ ...soleFleetCa(next), trusted: [next, old] });
  const back = await WireAgent.connect(one.url, agent.credentials, { trusts: ids(old, next) });
  expect((await back.next('trust')).certificatesPem).toEqual([next.certificatePem, old.certificatePem]);
  await back.close();
});

test('an agent of an earlier release, or one that does not trust the CA which signs, is sent nothing that it could not follow', async () => {
  const held = { earlier: await joined('earlier'), behind: await joined('behind') };
  fleetCas.become(stateIn('renew', old, next));
  const earlier = await WireAgent.connect(one.url, held.earlier);
  const behind = await WireAgent.connect(one.url, held.behind, { trusts: ids(old) });
  one.gateway.talkOfFleetCas(new Set(['us/earlier', 'us/behind']));
  await behind.next('trust');
  await Promise.all([earlier.close(), behind.close()]);
  expect([earlier.received, behind.received]).toEqual([[], []]);
  expect(await record('earlier')).not.toHaveProperty('fleetCas');
});

test('a token names the CA that will be left, and a join gets a certificate of the one that signs', async () => {
  const named = async (): Promise<string> =>
    parseJoinToken((await one.gateway.tokens.create({ cluster: 'us', ttlMs: 60_000, uses: 1 })).token).caFingerprint;
  const phases = ['trust', 'renew', 'back'] as const;
  const found: string[] = [];
  for (const phase of phases) {
    fleetCas.become(stateIn(phase, old, next));
    found.push(await named());
    await joined(phase);
  }
  expect(found).toEqual(ids(next, next, old));
  const records = await Promise.all(phases.map(record));
  expect(records.map((one) => one?.certificateIssuer)).toEqual(ids(old, next, old));
});

test('an agent that joins takes no CA without the word of the one that its token names', async () => {
  const fleetCas = openFleetCas(stateIn('back', old, next));
  const certificates = fleetCas.bundle();
  let isSilent = false;
  const two = await fleet.coordinator('two', {
    fleetCas: { ...fleetCas, vouchedBundle: () => (isSilent ? certificates : fleetCas.vouchedBundle()) },
  });
  const { privateKeyPem } = await generateRsaKeyPair(2048);
  const elasticsearch = { nodeName: 'n', url: 'https://127.0.0.1:1', configDir: '/etc', home: '/usr', pid: null };
  const trusts = async (name: string): Promise<string[]> => {
    const { token } = await two.gateway.tokens.create({ cluster: 'us', ttlMs: 60_000, uses: 1 });
    const { fleetCas: taken } = await enrol(parseJoinToken(token), privateKeyPem, { name, elasticsearch });
    return parseCas(taken).map(fingerprintOf);
  };
  expect(await trusts('told')).toEqual(ids(old, next));
  isSilent = true;
  await expect(trusts('untold')).rejects.toMatchObject({
    ...{ code: 'coordinator-untrusted', message: expect.stringContaining('no CA that is trusted now vouches for') },
  });
});

test('a coordinator that does not have the fleet CAs of the store tells no agent whom to trust', async () => {
  fleetCas.fallBehind();
  const agent = await WireAgent.connect(one.url, await joined('unsure'), { trusts: ids(old, next) });
  one.gateway.talkOfFleetCas(new Set());
  await agent.close();
  expect(agent.received).toEqual([]);
  fleetCas.become(soleFleetCa(old));
  const told = await WireAgent.connect(one.url, agent.credentials, { trusts: ids(old, next) });
  expect((await told.next('trust')).certificatesPem).toEqual([old.certificatePem]);
  await told.close();
});
