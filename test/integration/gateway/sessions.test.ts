import { randomBytes } from 'node:crypto';
import { MAX_FRAME_BYTES } from '@remora/shared/protocol/limits.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateRsaKeyPair, type KeyPair } from '../../../coordinator/src/pki/keys.ts';
import { keys as storeKeys } from '../../../coordinator/src/store/keys.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';
import { type Credentials, joinAgent, WireAgent } from '../../support/wire-agent.ts';

let fleet: GatewayFleet;
let one: TestCoordinator;
let two: TestCoordinator;
let keys: KeyPair;

beforeAll(async () => {
  fleet = await startGatewayFleet();
  [one, two] = await Promise.all([fleet.coordinator('one'), fleet.coordinator('two')]);
  keys = await generateRsaKeyPair(2048);
});
afterAll(() => fleet.stop());

const enrol = (name: string): Promise<Credentials> => joinAgent(fleet, one, { name, keys });
const isOnline = (node: string): Promise<boolean> => one.gateway.sessions.isOnline({ cluster: 'us', node });
const record = (node: string) => fleet.inventory.nodes.get(`us/${node}`);

describe('hello', () => {
  test('is answered with an epoch that grows with every session', async () => {
    const credentials = await enrol('hello-1');
    const agent = await WireAgent.dial(one.url, credentials);
    agent.hello();
    const first = await agent.next('welcome');
    expect(first).toMatchObject({ version: 1, heartbeatMs: 5000 });
    await agent.close();
    const again = await WireAgent.dial(one.url, credentials);
    again.hello();
    expect((await again.next('welcome')).epoch).toBeGreaterThan(first.epoch);
    await again.close();
  });

  test.each([
    ['another protocol version', { version: 2 }, 4400, /protocol version 2/],
    ['another name than the certificate has', { name: 'hello-3' }, 4401, /another name/],
    ['another cluster than the certificate has', { cluster: 'eu' }, 4401, /another name or cluster/],
    ['another store', { storeId: 'store-0' }, 4401, /another store/],
    ['a fence that this store never gave', { fence: 99 }, 4401, /fence/],
  ])('with %s is refused with a sentence', async (_, change, code, reason) => {
    const agent = await WireAgent.dial(one.url, await enrol('hello-2'));
    agent.hello(change);
    expect(await agent.closed).toMatchObject({ code, reason: expect.stringMatching(reason) });
    expect(await isOnline('hello-2')).toBe(false);
    // What the doctor tells of it.
    const told = { node: 'us/hello-2', reason: expect.stringMatching(reason), hint: expect.any(String) };
    expect(await one.gateway.sessions.refused()).toContainEqual(told);
  });
});

describe('a frame', () => {
  test.each([
    ['that is not JSON', '{"type":', 4400],
    ['of an unknown type', '{"type":"shell","command":"id"}', 4400],
    ['without the fields of its type', '{"type":"heartbeat"}', 4400],
    ['that is binary', Buffer.from('{}'), 4400],
    ['with a second hello', 'HELLO', 4400],
    ['that is too large', `"${'x'.repeat(MAX_FRAME_BYTES)}"`, 1009],
  ])('%s closes the socket, is logged with the peer, and others go on', async (_, frame, code) => {
    const other = await WireAgent.connect(one.url, await enrol('frame-other'));
    const agent = await WireAgent.connect(one.url, await enrol('frame'));
    const before = one.logs.length;
    if (frame === 'HELLO') agent.hello();
    else agent.send(frame);
    expect(await agent.closed).toMatchObject({ code });
    await expect.poll(() => isOnline('frame')).toBe(false);
    expect(one.logs.slice(before).join()).toMatch(/"node":"frame","peer":"127\.0\.0\.1:\d+".*refused/);
    expect(await isOnline('frame-other')).toBe(true);
    await other.close();
  });

  test('before hello closes the socket', async () => {
    const agent = await WireAgent.dial(one.url, await enrol('frame-early'));
    agent.beat();
    expect(await agent.closed).toMatchObject({ code: 4400, reason: expect.stringContaining('before hello') });
  });

  test('of garbage by the thousand never takes the coordinator down', async () => {
    const credentials = await enrol('frame-garbage');
    for (let round = 0; round < 20; round += 1) {
      const agent = await WireAgent.dial(one.url, credentials);
      for (let frame = 0; frame < 50; frame += 1) agent.send(randomBytes(64).toString('latin1'));
      expect(await agent.closed).toMatchObject({ code: 4400 });
    }
    const agent = await WireAgent.connect(one.url, credentials);
    await agent.close();
  });
});

describe('two sessions of one node', () => {
  test('on one coordinator: the older is superseded, the newer stays', async () => {
    const credentials = await enrol('twice-1');
    const older = await WireAgent.connect(one.url, credentials);
    const newer = await WireAgent.connect(one.url, credentials);
    expect(await older.closed).toMatchObject({ code: 4409 });
    expect(await isOnline('twice-1')).toBe(true);
    await newer.close();
    await expect.poll(() => isOnline('twice-1')).toBe(false);
  });

  test('on two coordinators: the older is superseded, the newer stays', async () => {
    const credentials = await enrol('twice-2');
    const older = await WireAgent.connect(one.url, credentials);
    const newer = await WireAgent.connect(two.url, credentials);
    expect(await older.closed).toMatchObject({ code: 4409 });
    const all = await one.gateway.sessions.list();
    expect(all.get('us/twice-2')).toMatchObject({ coordinator: 'two' });
    await newer.close();
  });
});

test.each([
  ['superseded', 'of which a newer one was opened', JSON.stringify({ coordinator: 'two', epoch: 1_000_000 })],
  ['lost', 'whose record was lost with a fail-over', null],
])(
  'a session (%s) %s, without this coordinator having heard of it, ends at its next beat',
  async (name, _, session) => {
    const agent = await WireAgent.connect(one.url, await enrol(name));
    if (session === null) await fleet.redis.hdel(storeKeys.sessions, `us/${name}`);
    else await fleet.redis.hset(storeKeys.sessions, `us/${name}`, session);
    agent.beat();
    expect(await agent.closed).toMatchObject({ code: 4409 });
    expect(await fleet.redis.hget(storeKeys.sessions, `us/${name}`)).toBe(session);
  },
);

test.each(Array.from({ length: 10 }, (_, round) => `storm-${round}`))(
  'of many sessions of one node that open at once, exactly one stays, and it gets the deliveries (%s)',
  async (name) => {
    const credentials = await enrol(name);
    const agents = await Promise.all(
      Array.from({ length: 12 }, (_, n) => WireAgent.dial((n % 2 ? one : two).url, credentials)),
    );
    for (const agent of agents) agent.hello();
    for (const agent of agents) agent.answerAll(() => [{ tcp: 'open', detail: '' }]);
    const isOpen = ({ socket }: WireAgent): boolean => socket.readyState === socket.OPEN;
    await expect.poll(() => agents.filter(isOpen).length).toBe(1);
    const probe = { host: 'localhost', port: 1, timeoutMs: 1000 };
    const node = { cluster: 'us', node: name };
    expect(await one.gateway.calls.read(node, 'probe', probe, { timeoutMs: 10_000 })).toMatchObject({ tcp: 'open' });
    await Promise.all(agents.filter(isOpen).map((agent) => agent.close()));
  },
);

describe('presence', () => {
  test('is in the node record, with what the agent says', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('presence-1'), { agentVersion: '0.9.9' });
    await expect.poll(() => record('presence-1')).toMatchObject({ running: true, agentVersion: '0.9.9' });
    expect((await record('presence-1'))?.lastSeen).not.toBeNull();
    agent.send({ type: 'heartbeat', running: false, pid: null, delivery: null });
    await expect.poll(() => record('presence-1')).toMatchObject({ running: false });
    await agent.close();
  });

  test('is not written at every beat', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('presence-2'));
    await expect.poll(async () => (await record('presence-2'))?.lastSeen).not.toBeNull();
    const before = await record('presence-2');
    for (let beat = 0; beat < 20; beat += 1) agent.beat();
    agent.send({ type: 'draining' });
    await expect.poll(() => isOnline('presence-2')).toBe(false);
    expect(await record('presence-2')).toEqual(before);
    await agent.close();
  });

  test('does not bring back a node that was removed', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('presence-3'));
    await fleet.inventory.nodes.remove('us/presence-3');
    await agent.close();
    await expect.poll(() => isOnline('presence-3')).toBe(false);
    expect(await record('presence-3')).toBeNull();
  });

  test('ends when the coordinator dies without a word', async () => {
    const mortal = await fleet.coordinator('mortal');
    await WireAgent.connect(mortal.url, await enrol('presence-4'));
    expect(await isOnline('presence-4')).toBe(true);
    mortal.kill();
    await expect.poll(() => isOnline('presence-4'), { timeout: 30_000, interval: 250 }).toBe(false);
    expect((await one.gateway.sessions.list()).has('us/presence-4')).toBe(false);
  });

  test('does not survive a start of the same coordinator', async () => {
    const first = await fleet.coordinator('phoenix');
    await WireAgent.connect(first.url, await enrol('presence-5'));
    first.kill();
    await fleet.coordinator('phoenix');
    expect(await isOnline('presence-5')).toBe(false);
  });

  test('ends with silence', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('presence-6'));
    expect(await agent.closed).toMatchObject({ code: 1006 });
    await expect.poll(() => isOnline('presence-6')).toBe(false);
    expect(one.logs.join()).toContain('was silent for 15000 ms');
  });
});

describe('a coordinator that stops', () => {
  test('closes its sessions with draining, also those that do not answer, and says no more that it lives', async () => {
    const stopping = await fleet.coordinator('stopping');
    const polite = await WireAgent.connect(stopping.url, await enrol('stop-1'));
    const deaf = await WireAgent.connect(stopping.url, await enrol('stop-2'));
    deaf.socket.pause();
    await stopping.stop();
    expect(await polite.closed).toMatchObject({ code: 4503 });
    expect((await one.gateway.sessions.list()).has('us/stop-2')).toBe(false);
    expect(await fleet.redis.hmget(storeKeys.sessions, 'us/stop-1', 'us/stop-2')).toEqual([null, null]);
    deaf.socket.terminate();
  });
});

test('a coordinator stops in time though Redis is away', async () => {
  const alone = await startGatewayFleet();
  const cut = await alone.coordinator('cut');
  const agent = await WireAgent.connect(cut.url, await joinAgent(alone, cut, { name: 'us-1', keys }));
  await alone.store.freeze();
  await cut.stop();
  expect(await agent.closed).toMatchObject({ code: 4503 });
  await alone.stop();
});

test('Redis connections do not grow with the agents', async () => {
  const count = async (): Promise<number> =>
    Number(/connected_clients:(\d+)/.exec(await fleet.redis.info('clients'))?.[1]);
  const before = await count();
  const agents = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => WireAgent.connect(one.url, await enrol(`many-${n}`))),
  );
  expect(await count()).toBe(before);
  await Promise.all(agents.map((agent) => agent.close()));
});
