import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { PROTOCOL_VERSION } from '@remora/shared/protocol/limits.ts';
import type { FromAgent } from '@remora/shared/protocol/messages.ts';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { converse } from '../../../../agent/src/link/connection.ts';

const hello: FromAgent = {
  ...{
    type: 'hello',
    version: PROTOCOL_VERSION,
    agentVersion: '0',
    name: 'eu-1',
    cluster: 'eu',
    storeId: 's',
    fence: 0,
  },
  elasticsearch: { running: false, configDir: '/etc/elasticsearch', pid: null },
};

test('a coordinator of another protocol version is refused by name, and nothing is done for it', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => {
    server.close();
  });
  await once(server, 'listening');
  const closed = Promise.withResolvers<number>();
  server.on('connection', (socket) => {
    socket.on('close', (code) => closed.resolve(code));
    socket.send(JSON.stringify({ type: 'welcome', version: PROTOCOL_VERSION + 1, epoch: 1, heartbeatMs: 1000 }));
    socket.send(JSON.stringify({ type: 'acknowledge', id: 'r/s/1' }));
  });
  const said: unknown[] = [];
  const connection = converse(new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`), {
    hello: async () => hello,
    heartbeat: async () => hello,
    onWelcome: () => said.push('welcome'),
    onMessage: (message) => said.push(message),
  });
  const ended = await connection.ended;
  expect(ended).toMatchObject({ welcomed: false });
  expect(ended.why).toContain(`version ${PROTOCOL_VERSION + 1}`);
  expect(await closed.promise).toBe(4400);
  expect(said).toEqual([]);
});
