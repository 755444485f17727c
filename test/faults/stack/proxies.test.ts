import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePorts } from '../../elasticsearch/ports.ts';
import { startProxy, type TcpProxy } from './proxies.ts';

/** The faults on the wire do what their names say: a server that answers each text with itself, behind a proxy. */
let server: Server;
let proxy: TcpProxy;
let received: string[];

beforeEach(async () => {
  received = [];
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received.push(chunk.toString());
      socket.write(chunk);
    });
  });
  const [port = 0, through = 0] = await freePorts(2);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  proxy = await startProxy(through, () => port);
});
afterEach(async () => {
  await proxy.close();
  server.close();
});

const dial = async (): Promise<Socket> => {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};
/** What comes back until the connection is gone. */
const heard = async (socket: Socket): Promise<string> => {
  let all = '';
  socket.on('data', (chunk) => {
    all += chunk.toString();
  });
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return all;
};

it('an answer is lost after the server has got the request', async () => {
  const lost = proxy.cutInsteadOfAnswer('wanted');
  const socket = await dial();
  const answer = heard(socket);
  socket.write('other');
  await once(socket, 'data');
  socket.write('wanted');
  await lost;
  expect(await answer).toBe('other');
  expect(received).toEqual(['other', 'wanted']);
});

it('what comes down passes, and nothing that is said to it goes up', async () => {
  const cut = proxy.cutAfterDown(6);
  const socket = await dial();
  const answer = heard(socket);
  socket.write('deliver');
  await once(socket, 'data');
  socket.write('result');
  await cut;
  expect(await answer).toBe('deliver');
  expect(received).toEqual(['deliver']);
});

it('what goes up vanishes until the connection is cut', async () => {
  const socket = await dial();
  socket.write('first');
  await once(socket, 'data');
  const answer = heard(socket);
  proxy.swallowUp();
  socket.write('lost');
  await new Promise<void>((resolve) => socket.write('lost too', () => resolve()));
  proxy.cut();
  expect(await answer).toBe('');
  expect(received).toEqual(['first']);
});
