import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateRsaKeyPair, type KeyPair } from '../../../coordinator/src/pki/keys.ts';
import { keys as storeKeys } from '../../../coordinator/src/store/keys.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';
import { type Credentials, joinAgent, WireAgent } from '../../support/wire-agent.ts';
import { failure } from './results.ts';

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
const probe = { host: 'localhost', port: 9443, timeoutMs: 1000 };
const probed = { tcp: 'refused', detail: 'nobody listens' };

describe('a read', () => {
  test.each([
    ['here', () => one],
    ['by the coordinator that does not hold the socket', () => two],
  ])('is carried out: %s', async (where, asked) => {
    const name = `read-${where.length}`;
    const agent = await WireAgent.connect(one.url, await enrol(name));
    agent.answerAll(() => [probed]);
    expect(await asked().gateway.calls.read(node(name), 'probe', probe, soon)).toEqual(probed);
    await agent.next('acknowledge');
    expect(await fleet.redis.keys(storeKeys.delivery('read/*'))).toEqual([]);
    await agent.close();
  });

  test('of an offline agent fails at once and names node and cluster', async () => {
    await enrol('read-off');
    await expect(one.gateway.calls.read(node('read-off'), 'probe', probe, soon)).rejects.toMatchObject({
      code: 'agent-offline',
      message: 'The agent of node "read-off" of cluster "us" is offline.',
    });
  });

  test('that the agent refuses throws its error, with the name of the node', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('read-no'));
    const call = one.gateway.calls.read(node('read-no'), 'probe', probe, soon);
    const { id } = await agent.next('deliver');
    agent.send(failure(id, { code: 'settings-file', message: 'line 3 has a tab', hint: 'Mend line 3.' }));
    await expect(call).rejects.toMatchObject({
      code: 'settings-file',
      message: 'Node "read-no" of cluster "us": line 3 has a tab',
      hint: 'Mend line 3.',
    });
    await agent.close();
  });

  test('whose answer has other fields is a violation, not a result', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('read-odd'));
    agent.answerAll(() => [{ tcp: 'maybe' }]);
    const call = one.gateway.calls.read(node('read-odd'), 'probe', probe, soon);
    await expect(call).rejects.toMatchObject({
      code: 'protocol-violation',
      message: expect.stringContaining('read-odd'),
    });
    await agent.close();
  });

  test('that nobody answers ends at its limit', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('read-slow'));
    const call = one.gateway.calls.read(node('read-slow'), 'probe', probe, { timeoutMs: 200 });
    await expect(call).rejects.toMatchObject({
      code: 'delivery-timeout',
      message: expect.stringContaining('read-slow'),
    });
    await agent.close();
  });

  test('ends with its signal', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('read-abort'));
    const stop = new AbortController();
    const call = one.gateway.calls.read(node('read-abort'), 'probe', probe, { ...soon, signal: stop.signal });
    await agent.next('deliver');
    stop.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await agent.close();
  });

  test('of a secret that is not there says so, and nothing is sent', async () => {
    const agent = await WireAgent.connect(one.url, await enrol('read-gone'));
    const password = { $secret: 'secret:gone@1' };
    const input = { method: 'GET' as const, path: '/', user: 'u', password, timeoutMs: 1000 };
    const call = two.gateway.calls.read(node('read-gone'), 'request', input, soon);
    await expect(call).rejects.toMatchObject({ code: 'not-found', message: expect.stringContaining('secret:gone@1') });
    expect(agent.received).toEqual([]);
    await agent.close();
  });
});
