import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentConfig } from '../../../../agent/src/checks.ts';
import { probe } from '../../../../agent/src/operations/probe.ts';

const config: AgentConfig = {
  ...{ name: 'eu-1', cluster: 'eu', storeId: 's', coordinators: ['https://localhost'] },
  elasticsearch: { home: '/', configDir: '/', settingsFile: '/elasticsearch.yml', url: 'http://localhost:9200' },
  service: { systemd: 'elasticsearch.service' },
};
const address = (server: Server): number => (server.address() as AddressInfo).port;
let server: Server;

beforeEach(async () => {
  server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.close();
});

test.each([
  ['open', {}, { tcp: 'open' }],
  ['without a handshake in its time', { tls: {} }, { tcp: 'open', tls: { trusted: false } }],
  ['refused', { port: 1 }, { tcp: 'refused' }],
])(
  'a probe that is over (%s) leaves nothing at the signal that lives as long as the agent',
  async (_, input, answer) => {
    const draining = new AbortController().signal;
    const given = { host: '127.0.0.1', port: address(server), timeoutMs: 300, ...input };
    expect(await probe(given, { config, draining })).toMatchObject(answer);
    expect(getEventListeners(draining, 'abort')).toEqual([]);
  },
);

test('a probe that waits ends when the agent stops', async () => {
  const draining = new AbortController();
  const shaking = once(server, 'connection').then(([socket]) => once(socket, 'data'));
  const input = { host: '127.0.0.1', port: address(server), timeoutMs: 600_000, tls: {} };
  const answer = probe(input, { config, draining: draining.signal });
  await shaking;
  draining.abort();
  expect(await answer).toMatchObject({ tls: { trusted: false, error: 'the agent is stopping' } });
});
