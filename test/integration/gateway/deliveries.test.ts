import type { OperationCall } from '@remora/shared/operations.ts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ChangeDelivery } from '../../../coordinator/src/gateway/agent-calls.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../coordinator/src/pki/keys.ts';
import { keys as storeKeys } from '../../../coordinator/src/store/keys.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';
import { type Credentials, joinAgent, WireAgent } from '../../support/wire-agent.ts';
import { done, failure } from './results.ts';

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
const node = (name: string) => ({ cluster: 'us', node: name });
const soon = { timeoutMs: 20_000 };
const settings: OperationCall<'settings'> = { name: 'settings', input: { set: { a: true }, remove: [] } };
let steps = 0;
const delivery = (more: Partial<ChangeDelivery> = {}): ChangeDelivery => {
  steps += 1;
  return { id: `run-1/step-${steps}/1`, fence: 1, operations: [settings], ...more };
};
const stored = async (id: string) => JSON.parse((await fleet.redis.get(storeKeys.delivery(id))) ?? 'null');

describe('a change', () => {
  test('crosses coordinators, tells its progress, and its result is recorded and acknowledged', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('change-1'));
    const phases: string[] = [];
    const wanted = delivery();
    const call = two.gateway.calls.change(node('change-1'), wanted, {
      ...soon,
      onProgress: (phase) => phases.push(phase),
    });
    expect(await agent.next('deliver')).toEqual({ type: 'deliver', ...wanted });
    agent.send({ type: 'progress', id: wanted.id, phase: 'writing elasticsearch.yml' });
    const result = done(wanted.id, { changed: ['a'], digest: 'd' });
    agent.send(result);
    expect(await call).toEqual(result);
    expect(phases).toEqual(['writing elasticsearch.yml']);
    expect(await agent.next('acknowledge')).toEqual({ type: 'acknowledge', id: wanted.id });
    expect(await stored(wanted.id)).toMatchObject({ node: node('change-1'), fence: 1, result });
    await agent.close();
  });

  test('resolves with whatever the outcome is', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('change-2'));
    const wanted = delivery();
    const call = one.gateway.calls.change(node('change-2'), wanted, soon);
    const undone = failure(wanted.id, { code: 'step-undone', message: 'did not start' }, 'undone');
    await agent.next('deliver');
    agent.send(undone);
    expect(await call).toEqual(undone);
    await agent.close();
  });

  test('waits for an agent that is away', async () => {
    const credentials = await enrol('change-3');
    const call = one.gateway.calls.change(node('change-3'), delivery(), soon);
    const agent = await WireAgent.connect(two.url, credentials);
    const { id } = await agent.next('deliver');
    agent.send(done(id));
    expect(await call).toEqual(done(id));
    await agent.close();
  });

  test.each([
    ['early enough may be begun', 5, 60_000, {}],
    ['too late is only gone on with', -5, 1, { onlyIfKnown: true }],
  ])('that comes %s, wherever clocks are set to meanwhile', async (_, hours, freshForMs, sent) => {
    const name = `change-clock-${freshForMs}`;
    const credentials = await enrol(name);
    const call = one.gateway.calls.change(node(name), delivery({ freshForMs }), soon);
    await expect.poll(() => stored(`run-1/step-${steps}/1`)).not.toBeNull();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    const agent = await WireAgent.connect(two.url, credentials);
    const { id, onlyIfKnown } = await agent.next('deliver');
    expect(onlyIfKnown === undefined ? {} : { onlyIfKnown }).toEqual(sent);
    agent.send(done(id));
    expect(await call).toEqual(done(id));
    await agent.close();
  });

  test('is sent again on a new session, on another coordinator too, with the same id', async () => {
    const credentials = await enrol('change-4');
    const first = await WireAgent.connect(one.url, credentials);
    const call = one.gateway.calls.change(node('change-4'), delivery(), soon);
    const { id } = await first.next('deliver');
    first.socket.terminate();
    const second = await WireAgent.connect(two.url, credentials);
    expect((await second.next('deliver')).id).toBe(id);
    second.send(done(id));
    expect(await call).toEqual(done(id));
    await second.close();
  });

  test('whose recorded result was not heard of is answered again by a repeat, without being sent', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('change-5'));
    const wanted = delivery();
    const result = done(wanted.id, 'first');
    const dead = new AbortController();
    const lost = one.gateway.calls.change(node('change-5'), wanted, { ...soon, signal: dead.signal });
    await agent.next('deliver');
    dead.abort(new Error('the driver died'));
    await expect(lost).rejects.toThrow('the driver died');
    agent.send(result);
    await agent.next('acknowledge');
    expect(await two.gateway.calls.change(node('change-5'), { ...wanted, fence: 2 }, soon)).toEqual(result);
    expect(agent.received).toEqual([]);
    await agent.close();
  });

  test('keeps its first result; a second one is only acknowledged', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('change-6'));
    const wanted = delivery();
    const call = one.gateway.calls.change(node('change-6'), wanted, soon);
    await agent.next('deliver');
    agent.send(done(wanted.id, 'first'));
    agent.send(done(wanted.id, 'second'));
    await agent.next('acknowledge');
    await agent.next('acknowledge');
    expect(await call).toEqual(done(wanted.id, 'first'));
    expect((await stored(wanted.id)).result).toEqual(done(wanted.id, 'first'));
    await agent.close();
  });

  test('takes no result from the agent of another node', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('change-7'));
    const stranger = await WireAgent.connect(one.url, await enrol('change-8'));
    const wanted = delivery();
    const call = one.gateway.calls.change(node('change-7'), wanted, soon);
    await agent.next('deliver');
    stranger.send(done(wanted.id, 'forged'));
    await stranger.next('acknowledge');
    expect((await stored(wanted.id)).result).toBeUndefined();
    agent.send(done(wanted.id, 'true'));
    expect(await call).toEqual(done(wanted.id, 'true'));
    await Promise.all([agent.close(), stranger.close()]);
  });

  test('acknowledges a result that nobody knows of, so that the agent stops to repeat it', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('change-9'));
    agent.send(done('run-0/long-ago/1'));
    expect(await agent.next('acknowledge')).toEqual({ type: 'acknowledge', id: 'run-0/long-ago/1' });
    expect(await stored('run-0/long-ago/1')).toBeNull();
    await agent.close();
  });

  test('is sent again after silence, but not while the agent says that it carries it out', async () => {
    const [quiet, busy] = await Promise.all(['change-10', 'change-11'].map(enrol));
    if (!quiet || !busy) throw new Error('not enrolled');
    const silent = await WireAgent.connect(one.url, quiet);
    const working = await WireAgent.connect(one.url, busy);
    const [first, second] = [delivery(), delivery()];
    const patience = { timeoutMs: 60_000 };
    const calls = [
      one.gateway.calls.change(node('change-10'), first, patience),
      one.gateway.calls.change(node('change-11'), second, patience),
    ];
    await Promise.all([silent.next('deliver'), working.next('deliver')]);
    const beats = setInterval(() => {
      silent.beat();
      working.beat(second.id);
    }, 2000);
    expect((await silent.next('deliver')).id).toBe(first.id);
    clearInterval(beats);
    expect(working.received.filter(({ type }) => type === 'deliver')).toEqual([]);
    silent.send(done(first.id));
    working.send(done(second.id));
    expect(await Promise.all(calls)).toEqual([done(first.id), done(second.id)]);
    await Promise.all([silent.close(), working.close()]);
  });

  test('is not sent to an agent that is draining, but its result is taken', async () => {
    const credentials = await enrol('change-12');
    const agent = await WireAgent.connect(one.url, credentials);
    const running = delivery();
    const call = one.gateway.calls.change(node('change-12'), running, soon);
    await agent.next('deliver');
    agent.send({ type: 'draining' });
    await expect.poll(() => one.gateway.sessions.isOnline(node('change-12'))).toBe(false);
    const later = one.gateway.calls.change(node('change-12'), delivery(), soon);
    agent.send(done(running.id));
    expect(await call).toEqual(done(running.id));
    await agent.next('acknowledge');
    await agent.close();
    expect(agent.received).toEqual([]);
    const again = await WireAgent.connect(one.url, credentials);
    const { id } = await again.next('deliver');
    again.send(done(id));
    expect(await later).toEqual(done(id));
    await again.close();
  });
});

describe('fences', () => {
  test('a driver whose run was taken over is refused', async () => {
    const credentials = await enrol('fence-1');
    const wanted = delivery({ fence: 11 });
    const call = two.gateway.calls.change(node('fence-1'), wanted, soon);
    await expect.poll(() => stored(wanted.id)).not.toBeNull();
    const stale = one.gateway.calls.change(node('fence-1'), { ...wanted, fence: 10 }, soon);
    await expect(stale).rejects.toMatchObject({ code: 'fence-stale' });
    const agent = await WireAgent.connect(one.url, credentials);
    expect(await agent.next('deliver')).toMatchObject({ fence: 11 });
    agent.send(done(wanted.id));
    await call;
    await agent.close();
  });

  test("that the earlier driver's fence was refused is no answer to the next driver", async () => {
    const agent = await WireAgent.connect(one.url, await enrol('fence-2'));
    const wanted = delivery({ fence: 12 });
    const call = one.gateway.calls.change(node('fence-2'), wanted, soon);
    await agent.next('deliver');
    agent.send(failure(wanted.id, { code: 'fence-stale', message: 'saw 13' }));
    expect(await call).toMatchObject({ outcome: 'refused' });
    const next = two.gateway.calls.change(node('fence-2'), { ...wanted, fence: 14 }, soon);
    expect(await agent.next('deliver')).toMatchObject({ id: wanted.id, fence: 14 });
    agent.send(done(wanted.id));
    expect(await next).toEqual(done(wanted.id));
    await agent.close();
  });

  test('an agent that saw a fence of this store is welcome', async () => {
    const credentials = await enrol('fence-3');
    const call = one.gateway.calls.change(node('fence-3'), delivery({ fence: 1_790_000_000_000 }), soon);
    const agent = await WireAgent.connect(two.url, credentials, { fence: 1_790_000_000_000 });
    const { id } = await agent.next('deliver');
    agent.send(done(id));
    await call;
    await agent.close();
  });
});

test('only the newest session delivers, though an older one is still open', async () => {
  const credentials = await enrol('newest');
  const older = await WireAgent.connect(one.url, credentials);
  // As if the session had moved and its coordinator had not heard of it yet.
  await fleet.redis.hset(storeKeys.sessions, 'us/newest', JSON.stringify({ coordinator: 'one', epoch: 1_000_000 }));
  const call = one.gateway.calls.change(node('newest'), delivery(), { timeoutMs: 2500 });
  await expect(call).rejects.toMatchObject({ code: 'delivery-timeout' });
  expect(older.received).toEqual([]);
  await older.close();
});

test('a coordinator that stops rejects its open calls', async () => {
  const stopping = await fleet.coordinator('stopping');
  await enrol('stops');
  const call = stopping.gateway.calls.change(node('stops'), delivery(), soon);
  const rejected = expect(call).rejects.toMatchObject({ message: expect.stringContaining('stopped') });
  await expect.poll(() => stored(`run-1/step-${steps}/1`)).not.toBeNull();
  await new Promise((resolve) => setImmediate(resolve));
  await stopping.stop();
  await rejected;
});
