import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import { parseJoinToken } from '@remora/shared/protocol/join-token.ts';
import { paths } from '@remora/shared/protocol/limits.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HIGHEST_FENCE } from '../../../coordinator/src/gateway/gateway-keys.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../coordinator/src/pki/keys.ts';
import { keys as storeKeys } from '../../../coordinator/src/store/keys.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';
import { type JoinWish, joinAgent, joinRequest, post, WireAgent } from '../../support/wire-agent.ts';

let fleet: GatewayFleet;
let coordinator: TestCoordinator;
let keys: KeyPair;
let otherKeys: KeyPair;

beforeAll(async () => {
  fleet = await startGatewayFleet();
  [keys, otherKeys] = await Promise.all([generateRsaKeyPair(2048), generateRsaKeyPair(2048)]);
  coordinator = await fleet.coordinator('one', {
    async verifyNode(cluster, { nodeName }) {
      if (!nodeName.startsWith('stranger')) return { nodeId: `id-of-${nodeName}`, version: '9.5.3' };
      throw new RemoraError('wrong-node', `The cluster "${cluster}" has no node "${nodeName}".`);
    },
  });
});
afterAll(() => fleet.stop());

const token = async (more: { ttlMs?: number; uses?: number; cluster?: string } = {}): Promise<string> =>
  (await coordinator.gateway.tokens.create({ cluster: 'us', ttlMs: 60_000, uses: 1, ...more })).token;
const send = (body: unknown) => post(`${coordinator.url}${paths.join}`, fleet.fleetCa.certificatePem, body);
const join = (wish: Omit<JoinWish, 'keys'> & { readonly keys?: KeyPair }) => send(joinRequest({ keys, ...wish }));

test('the fleet CA is given without login, with the fingerprint that the token carries', async () => {
  const pem = await new Promise<string>((resolve, reject) => {
    const asking = request(`${coordinator.url}${paths.ca}`, { rejectUnauthorized: false, agent: false });
    asking.on('response', (response) => resolve(text(response)));
    asking.on('error', reject);
    asking.end();
  });
  const fingerprint = new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
  expect(parseJoinToken(await token()).caFingerprint).toBe(fingerprint);
});

describe('a join', () => {
  test('gives a certificate of the fleet CA and records the node', async () => {
    const { status, body } = await join({ token: await token(), name: 'us-1' });
    expect(status).toBe(200);
    const coordinators = [coordinator.url];
    expect(body).toMatchObject({ name: 'us-1', cluster: 'us', storeId: fleet.storeId, coordinators });
    const certificate = new X509Certificate(String(body.certificatePem));
    expect(certificate.subject).toBe('CN=us/us-1');
    expect(certificate.verify(new X509Certificate(fleet.fleetCa.certificatePem).publicKey)).toBe(true);
    const record = await fleet.inventory.nodes.get('us/us-1');
    expect(record).toMatchObject({ cluster: 'us', node: 'us-1', running: true, configDir: '/etc/elasticsearch' });
    expect(await fleet.redis.hget(storeKeys.agentCertificates, record?.certificateFingerprint ?? '')).toBe('us/us-1');
  });

  test('tells the highest fence of the store, by which a restored one is known', async () => {
    await fleet.redis.hset(storeKeys.meta, HIGHEST_FENCE, 7);
    expect((await join({ token: await token(), name: 'us-1' })).body).toMatchObject({ fence: 7 });
    await fleet.redis.hdel(storeKeys.meta, HIGHEST_FENCE);
  });

  test('repeated after a lost answer gives the same certificate, though the token is spent', async () => {
    const once = await token();
    const first = await join({ token: once, name: 'us-2' });
    expect(await join({ token: once, name: 'us-2' })).toEqual(first);
  });

  test('takes the longest names that the rules allow', async () => {
    const name = 'ü'.repeat(255);
    const credentials = await joinAgent(fleet, coordinator, { name, keys });
    const agent = await WireAgent.connect(coordinator.url, credentials);
    await agent.close();
  });

  test('again takes the earlier certificate away', async () => {
    const first = await joinAgent(fleet, coordinator, { name: 'us-3', keys });
    await joinAgent(fleet, coordinator, { name: 'us-3', keys: otherKeys });
    await expect(WireAgent.dial(coordinator.url, first)).rejects.toMatchObject({ status: 401 });
  });

  test.each([
    ['in another place', { configDir: '/srv/other' }],
    ['in the same place', {}],
    ['beside a node that is down', { pid: null }],
  ])('under the name of a live agent, %s, is a conflict, and possible once that is offline', async (_, more) => {
    const agent = await WireAgent.connect(coordinator.url, await joinAgent(fleet, coordinator, { name: 'us-4', keys }));
    const wish = { token: await token(), name: 'us-4', keys: otherKeys, ...more };
    const { status, body } = await join(wish);
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'conflict' });
    expect(body.detail).toContain('"us-4"');
    expect(agent.socket.readyState).toBe(agent.socket.OPEN);
    await agent.close();
    await expect.poll(() => coordinator.gateway.sessions.isOnline({ cluster: 'us', node: 'us-4' })).toBe(false);
    expect((await join(wish)).status).toBe(200);
  });

  test('is refused for a node that the cluster does not know, without spending the token', async () => {
    const once = await token();
    const { status, body } = await join({ token: once, name: 'stranger' });
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'wrong-node' });
    expect((await join({ token: once, name: 'us-5' })).status).toBe(200);
  });

  test('of a node that does not run is checked at the first session that finds it running', async () => {
    const credentials = await joinAgent(fleet, coordinator, { name: 'stranger-2', keys, pid: null });
    const down = { running: false, configDir: '/etc/elasticsearch', pid: null };
    const agent = await WireAgent.connect(coordinator.url, credentials, { elasticsearch: down });
    agent.beat();
    expect(await agent.closed).toMatchObject({ code: 4401, reason: expect.stringContaining('stranger-2') });
  });
});

test('an agent that joined beside a node that was down gets deliveries once the cluster confirmed the node, not before', async () => {
  const credentials = await joinAgent(fleet, coordinator, { name: 'us-10', keys, pid: null });
  const down = { running: false, configDir: '/etc/elasticsearch', pid: null };
  const agent = await WireAgent.connect(coordinator.url, credentials, { elasticsearch: down });
  let isConfirmed = false;
  agent.answerAll(() => [isConfirmed ? { tcp: 'open', detail: '' } : 'too early']);
  const { calls } = coordinator.gateway;
  const node = { cluster: 'us', node: 'us-10' };
  const probe = { host: 'localhost', port: 1, timeoutMs: 1000 };
  const read = () => calls.read(node, 'probe', probe, { timeoutMs: 10_000 });
  await expect(read()).rejects.toMatchObject({ code: 'agent-offline', message: expect.stringContaining('confirmed') });
  const operations = [{ name: 'settings' as const, input: { set: {}, remove: [] } }];
  const changed = calls.change(node, { id: 'run/0', fence: 1, operations }, { timeoutMs: 10_000 });
  agent.send({ type: 'heartbeat', running: false, pid: null, delivery: null });
  await expect.poll(() => fleet.redis.exists(storeKeys.delivery('run/0'))).toBe(1);
  await sleep(200);
  isConfirmed = true;
  agent.beat();
  expect(await changed).toMatchObject({ outcome: 'done', results: [{ tcp: 'open' }] });
  expect(await read()).toMatchObject({ tcp: 'open' });
  await agent.close();
});

describe('a token', () => {
  const refusal = { status: 401, code: 'join-token', detail: 'The join token is unknown, expired or used up.' };
  const answered = async (wish: Parameters<typeof join>[0]) => {
    const { status, body } = await join(wish);
    return { status, code: body.code, detail: body.detail };
  };

  test('that is used up is refused for another key', async () => {
    const once = await token();
    await join({ token: once, name: 'us-6' });
    expect(await answered({ token: once, name: 'us-6', keys: otherKeys })).toEqual(refusal);
  });

  test('with two uses takes two agents, whichever are faster', async () => {
    const twice = await token({ uses: 2 });
    const pairs = await Promise.all([1, 2, 3, 4].map(() => generateRsaKeyPair(2048)));
    const all = await Promise.all(pairs.map((pair, n) => answered({ token: twice, name: `race-${n}`, keys: pair })));
    expect(all.map(({ status }) => status).sort()).toEqual([200, 200, 401, 401]);
    expect((await fleet.inventory.nodes.list()).filter(({ node }) => node.startsWith('race-'))).toHaveLength(2);
  });

  test('that expired is refused', async () => {
    const brief = await token({ ttlMs: 1000 });
    await expect.poll(() => fleet.redis.exists(storeKeys.token(parseJoinToken(brief).id)), { timeout: 10_000 }).toBe(0);
    expect(await answered({ token: brief, name: 'us-7' })).toEqual(refusal);
  });

  test('with a wrong secret is refused with the words for an unknown one', async () => {
    const known = joinRequest({ token: await token(), name: 'us-8', keys });
    const wrong = await send({ ...known, tokenSecret: 'A'.repeat(43) });
    expect(wrong.body).toMatchObject(refusal);
    expect((await send({ ...known, tokenId: 'unknown' })).body).toEqual(wrong.body);
    expect((await send({ ...known, tokenId: '../../x y' })).body).toEqual(wrong.body);
  });

  test('is kept without its secret', async () => {
    const { id, secret } = parseJoinToken(await token());
    expect(JSON.stringify(await fleet.redis.hgetall(storeKeys.token(id)))).not.toContain(secret);
    expect(await fleet.store.filesText()).not.toContain(secret);
  });

  test.each([
    [{ cluster: 'nowhere' }, 'not-found'],
    [{ ttlMs: 0 }, 'bad-input'],
    [{ ttlMs: Number.NaN }, 'bad-input'],
    [{ uses: 0 }, 'bad-input'],
    [{ uses: 1.5 }, 'bad-input'],
  ])('for %o is refused as %s', async (request, code) => {
    await expect(token(request)).rejects.toMatchObject({ code });
  });
});

describe('bad requests', () => {
  test.each([
    ['a signature of another key', { signature: Buffer.alloc(256, 1).toString('base64') }],
    ['a name that the proof does not cover', { name: 'us-other' }],
    ['another protocol version', { version: 2 }],
    ['a key that is none', { publicKeyPem: 'no key' }],
    ['a field of another type', { agentVersion: 3 }],
  ])('%s is refused as bad input', async (_, change) => {
    const { status, body } = await send({ ...joinRequest({ token: await token(), name: 'us-9', keys }), ...change });
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'bad-input' });
  });

  test('a name with a blank is refused though the proof covers it', async () => {
    const { body } = await join({ token: await token(), name: 'us 9' });
    expect(body).toMatchObject({ status: 400, code: 'bad-input', detail: expect.stringContaining('node name') });
  });

  test.each([
    ['not JSON', '{"version":'],
    ['too large', JSON.stringify({ name: 'x'.repeat(100_000) })],
  ])('%s: refused as a problem, logged with the peer', async (_, body) => {
    const before = coordinator.logs.length;
    const answer = await send(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'bad-input', hint: expect.any(String) } });
    expect(coordinator.logs.slice(before).join()).toMatch(/"peer":"127\.0\.0\.1:\d+".*join refused/);
  });

  test('a problem has the fields of RFC 9457', async () => {
    const { body } = await send({});
    expect(body).toMatchObject({ type: 'urn:remora:error:bad-input', title: expect.any(String), status: 400 });
  });
});
