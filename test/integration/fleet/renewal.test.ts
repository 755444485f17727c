import { sign, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renewalProof } from '@remora/shared/protocol/enrol.ts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { agentCertificates } from '../../../coordinator/src/gateway/enrol/agent-certificates.ts';
import { fingerprintOf } from '../../../coordinator/src/gateway/session/admission.ts';
import { openTurnedAways } from '../../../coordinator/src/gateway/session/turned-away.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../coordinator/src/pki/keys.ts';
import { turnedAwayLines } from '../../../coordinator/src/services/doctor/doctor-identity.ts';
import { keys as storeKeys } from '../../../coordinator/src/store/keys.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';
import { createSmallAgent } from '../../support/small-agent.ts';
import { type Credentials, joinAgent, WireAgent } from '../../support/wire-agent.ts';

const agentCertificateMs = 120_000;
/** An agent with a clock this far ahead finds two thirds of that life over; its certificate has not ended by the coordinator's. */
const aheadMs = 100_000;

/** Only a hang is to be found out: a machine that is busy with other tests takes its time. */
const patiently = { timeout: 120_000 };

let fleet: GatewayFleet;
let one: TestCoordinator;
let two: TestCoordinator;
let keyPairs: readonly KeyPair[];

beforeAll(async () => {
  fleet = await startGatewayFleet();
  two = await fleet.coordinator('two', { agentCertificateMs });
  one = await fleet.coordinator('one', { agentCertificateMs, peers: [two.url] });
  keyPairs = await Promise.all([1, 2, 3].map(() => generateRsaKeyPair(2048)));
});
afterAll(() => fleet.stop());

const keyPair = (index: number): KeyPair => keyPairs[index] ?? expect.unreachable();
const fingerprint = (pem: string): string => fingerprintOf(new X509Certificate(pem));
const record = (name: string) => fleet.inventory.nodes.get(`us/${name}`);
const onRecord = async (name: string): Promise<string[]> =>
  Object.entries(await fleet.redis.hgetall(storeKeys.agentCertificates)).flatMap(([print, node]) =>
    node === `us/${name}` ? [print] : [],
  );
const ask = (agent: WireAgent, { publicKeyPem, privateKeyPem }: KeyPair, provenBy = privateKeyPem): void => {
  const proof = Buffer.from(renewalProof('us', agent.credentials.name, publicKeyPem));
  agent.send({ type: 'renew', publicKeyPem, signature: sign('sha256', proof, provenBy).toString('base64') });
};
/** What an agent holds after it asked. */
const renew = async (agent: WireAgent, pair: KeyPair): Promise<Credentials> => {
  ask(agent, pair);
  const { certificatePem } = await agent.next('renewed');
  return { ...agent.credentials, key: pair.privateKeyPem, cert: certificatePem };
};

describe('an agent that renews its certificate', () => {
  test('comes with the old one or the new one until the new one was used; then the old one is refused everywhere', async () => {
    const old = await joinAgent(fleet, one, { name: 'r-1', keys: keyPair(0) });
    const first = await WireAgent.connect(one.url, old);
    const renewed = await renew(first, keyPair(1));
    expect(new X509Certificate(renewed.cert).verify(new X509Certificate(old.ca).publicKey)).toBe(true);
    await first.close();
    // A crash before it was stored: the old one is all that the agent has.
    const second = await WireAgent.connect(two.url, old);
    expect(await record('r-1')).toMatchObject({ certificateFingerprint: fingerprint(old.cert) });
    const third = await WireAgent.connect(one.url, renewed);
    expect(await second.closed).toMatchObject({ code: 4409 });
    const settled = await record('r-1');
    expect(settled).toMatchObject({ certificateFingerprint: fingerprint(renewed.cert) });
    expect(settled).not.toHaveProperty('renewedCertificate');
    expect(await onRecord('r-1')).toEqual([fingerprint(renewed.cert)]);
    for (const { url } of [one, two]) await expect(WireAgent.dial(url, old)).rejects.toThrow(/revoked/);
    await third.close();
  });

  test('gets the same certificate for the same key, and only the newest one counts where it asks with another', async () => {
    const agent = await WireAgent.connect(one.url, await joinAgent(fleet, one, { name: 'r-2', keys: keyPair(0) }));
    const first = await renew(agent, keyPair(1));
    expect((await renew(agent, keyPair(1))).cert).toBe(first.cert);
    const other = await renew(agent, keyPair(2));
    expect((await onRecord('r-2')).sort()).toEqual(
      [fingerprint(agent.credentials.cert), fingerprint(other.cert)].sort(),
    );
    await expect(WireAgent.dial(one.url, first)).rejects.toThrow(/revoked/);
    await agent.close();
  });

  test('must hold the key, and is thrown out else', async () => {
    const agent = await WireAgent.connect(one.url, await joinAgent(fleet, one, { name: 'r-3', keys: keyPair(0) }));
    ask(agent, keyPair(1), keyPair(2).privateKeyPem);
    expect(await agent.closed).toMatchObject({ code: 4400, reason: expect.stringContaining('did not prove') });
    expect(await onRecord('r-3')).toEqual([fingerprint(agent.credentials.cert)]);
  });

  test('is not answered on a session that is not its newest: what that one was given stays', async () => {
    const credentials = await joinAgent(fleet, one, { name: 'r-4', keys: keyPair(0) });
    const agent = await WireAgent.connect(one.url, credentials);
    const text = (await fleet.redis.hget(storeKeys.sessions, 'us/r-4')) ?? '';
    await fleet.redis.hset(storeKeys.sessions, 'us/r-4', text.replace(/"epoch":\d+/, '"epoch":999999'));
    ask(agent, keyPair(1));
    await expect.poll(() => one.logs.join(''), patiently).toMatch(/A newer session of this agent was opened/);
    expect(await onRecord('r-4')).toEqual([fingerprint(credentials.cert)]);
    expect(agent.received).toEqual([]);
    agent.socket.terminate();
  });

  test('is recorded with its certificate', async () => {
    const agent = await WireAgent.connect(one.url, await joinAgent(fleet, one, { name: 'r-5', keys: keyPair(0) }));
    const { cert } = await renew(agent, keyPair(1));
    const [, fields] = (await fleet.redis.xrevrange(storeKeys.audit, '+', '-', 'COUNT', 1))[0] ?? expect.unreachable();
    expect(JSON.parse(fields[1] ?? '')).toMatchObject({
      ...{ actor: 'agent us/r-5', action: 'node.renew', target: 'us/r-5' },
      detail: `certificate ${fingerprint(cert)}`,
    });
    await agent.close();
  });
});

describe('an agent that was removed', () => {
  const node = { cluster: 'us', node: 'gone' };

  test('is cut off wherever it is, cannot come back with what it holds, and is shown with that', async () => {
    const credentials = await joinAgent(fleet, one, { name: 'gone', keys: keyPair(0) });
    const agent = await WireAgent.connect(two.url, credentials);
    const renewed = await renew(agent, keyPair(1));
    await one.gateway.disconnect(node);
    expect(await agent.closed).toMatchObject({ code: 4401, reason: expect.stringContaining('revoked') });
    expect(await onRecord('gone')).toEqual([]);
    const again = await fleet.coordinator('two', { agentCertificateMs });
    for (const held of [credentials, renewed]) {
      for (const { url } of [one, two, again]) await expect(WireAgent.dial(url, held)).rejects.toThrow(/was revoked/);
    }
    await again.stop();
    const shown = await one.gateway.sessions.turnedAway();
    expect(shown.filter(({ who }) => who === 'us/gone')).toMatchObject([
      { from: expect.stringMatching(/127\.0\.0\.1$/), reason: expect.stringContaining('was revoked') },
    ]);
    expect(turnedAwayLines(shown).find(({ check }) => check.startsWith('agent us/gone at '))).toMatchObject({
      ...{ ok: false, detail: expect.stringContaining('Join the agent again') },
    });
  });

  test('is not shown any more once it was let in again from there', async () => {
    const shown = async () => (await two.gateway.sessions.turnedAway()).map(({ who }) => who);
    expect(await shown()).toContain('us/gone');
    const agent = await WireAgent.connect(one.url, await joinAgent(fleet, one, { name: 'gone', keys: keyPair(0) }));
    await expect.poll(shown, patiently).not.toContain('us/gone');
    await agent.close();
  });

  test('loses its session within a beat where the word of it was lost', async () => {
    const agent = await WireAgent.connect(two.url, await joinAgent(fleet, one, { name: 'deaf', keys: keyPair(0) }));
    const issue = () => expect.unreachable();
    await agentCertificates(fleet.redis, issue).revoke({ cluster: 'us', node: 'deaf' });
    expect(await one.gateway.sessions.isOnline({ cluster: 'us', node: 'deaf' })).toBe(false);
    agent.beat();
    expect((await agent.closed).code).toBe(4409);
    await expect(WireAgent.dial(two.url, agent.credentials)).rejects.toThrow(/was revoked/);
  });

  test('is one of so many that are shown', async () => {
    const away = openTurnedAways(fleet.redis, {
      info: () => expect.unreachable(),
      warn: () => expect.unreachable(),
      error: () => expect.unreachable(),
    });
    for (let index = 0; index < 150; index += 1) away.note(`us/away-${index}`, '::1', new Error('revoked'));
    await expect.poll(async () => (await away.list()).some(({ who }) => who === 'us/away-149'), patiently).toBe(true);
    expect(await away.list()).toHaveLength(100);
  });
});

describe('a real agent', () => {
  const joined = async (name: string) => {
    const agent = await createSmallAgent(name);
    onTestFinished(() => agent[Symbol.asyncDispose]());
    await agent.join((await one.gateway.tokens.create({ cluster: 'us', ttlMs: 60_000, uses: 1 })).token);
    return { agent, node: { cluster: 'us', node: name }, first: (await record(name))?.certificateFingerprint };
  };
  const hasRenewed = (name: string, from: string | undefined) =>
    expect.poll(async () => (await record(name))?.certificateFingerprint, patiently).not.toBe(from);

  test('renews in its time, again and again, and is online all the while', async () => {
    const { agent, node, first } = await joined('real-1');
    const run = await agent.run({ aheadMs });
    await expect.poll(() => one.gateway.sessions.isOnline(node), patiently).toBe(true);
    const seen = new Set<boolean>();
    const watch = setInterval(async () => seen.add(await one.gateway.sessions.isOnline(node)), 5);
    await hasRenewed('real-1', first);
    const second = (await record('real-1'))?.certificateFingerprint;
    await hasRenewed('real-1', second);
    clearInterval(watch);
    expect(seen).toEqual(new Set([true]));
    expect(await onRecord('real-1')).toEqual([(await record('real-1'))?.certificateFingerprint]);
    expect((await readdir(agent.dataDir)).filter((name) => /agent\.(key|crt)/.test(name))).toEqual([]);
    await run.stop();
  });

  test.each(['before:identity.previous.pem', 'before:identity.pem', 'after:identity.pem'])(
    'that is killed %s of a renewal comes back and goes on with it',
    async (killedAt) => {
      const name = `killed-${killedAt.replace(':', '-')}`;
      const { agent, node, first } = await joined(name);
      await (await agent.run({ aheadMs, killedAt })).ended;
      expect((await onRecord(name)).length).toBe(2);
      const run = await agent.run({ aheadMs });
      await hasRenewed(name, first);
      expect(await one.gateway.sessions.isOnline(node)).toBe(true);
      expect(await onRecord(name)).toEqual([(await record(name))?.certificateFingerprint]);
      await run.stop();
    },
  );

  test('comes back to a store that was restored to before its renewal', async () => {
    const { agent, node, first = '' } = await joined('restored');
    const before = (await fleet.redis.hget(storeKeys.nodes, 'us/restored')) ?? '';
    const run = await agent.run({ aheadMs });
    await hasRenewed('restored', first);
    const renewed = (await record('restored'))?.certificateFingerprint ?? '';
    await run.stop();
    await fleet.redis.hdel(storeKeys.agentCertificates, renewed);
    await fleet.redis.hset(storeKeys.agentCertificates, first, 'us/restored');
    await fleet.redis.hset(storeKeys.nodes, 'us/restored', before);
    const again = await agent.run();
    await expect.poll(() => one.gateway.sessions.isOnline(node), patiently).toBe(true);
    await expect.poll(() => again.logged(), patiently).toMatch(/knows only the certificate before the last renewal/);
    expect(await readFile(join(agent.dataDir, 'identity.pem'), 'utf8')).toContain('PRIVATE KEY');
    await again.stop();
    const later = await agent.run({ aheadMs });
    await hasRenewed('restored', first);
    await later.stop();
  });

  test('that was removed says so in its log, with what to do', async () => {
    const { agent, node } = await joined('removed');
    const run = await agent.run();
    await expect.poll(() => one.gateway.sessions.isOnline(node), patiently).toBe(true);
    await two.gateway.disconnect(node);
    await run.stop('SIGKILL');
    const again = await agent.run();
    await expect
      .poll(() => again.logged(), patiently)
      .toMatch(/was revoked, or belongs to a store that is gone\. Join the agent again/);
    await again.stop();
  });
});
