import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A message as a receiver got it, its signature verified as standardwebhooks.com says. */
export interface Received {
  readonly id: string;
  readonly genuine: boolean;
  readonly body: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

const isGenuine = (request: IncomingMessage, body: string, secret: string): boolean => {
  const header = (name: string): string => String(request.headers[name]);
  const age = Date.now() / 1000 - Number(header('webhook-timestamp'));
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
  const signed = `${header('webhook-id')}.${header('webhook-timestamp')}.${body}`;
  const wanted = Buffer.from(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  const found = Buffer.from(header('webhook-signature'));
  return Math.abs(age) < 300 && found.length === wanted.length && timingSafeEqual(found, wanted);
};

/** An HTTP receiver, or an HTTPS one where it gets a certificate. `targets` are the paths with queries that were asked for. `status` may be changed: it is what is answered. */
export const startReceiver = async (secret: string, tls?: { readonly cert: string; readonly key: string }) => {
  const receiver = { received: [] as Received[], targets: [] as string[], status: 204, url: '' };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const genuine = isGenuine(request, body, secret);
    receiver.targets.push(request.url ?? '');
    receiver.received.push({ id: String(request.headers['webhook-id']), genuine, body: JSON.parse(body) });
    response.writeHead(receiver.status).end();
  };
  const server = tls ? createTls(tls, answer) : createPlain(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  receiver.url = `${tls ? 'https' : 'http'}://localhost:${(server.address() as AddressInfo).port}/remora`;
  return Object.assign(receiver, {
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  });
};
