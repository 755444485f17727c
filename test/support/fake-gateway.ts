import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationCall } from '@remora/shared/operations.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import { type JoinRequest, joinProof } from '@remora/shared/protocol/enrol.ts';
import { formatJoinToken } from '@remora/shared/protocol/join-token.ts';
import { closeCodes, paths } from '@remora/shared/protocol/limits.ts';
import { type FromAgent, parseFromAgent } from '@remora/shared/protocol/messages.ts';
import { type WebSocket, WebSocketServer } from 'ws';
import { openFleetCa } from '../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import { verifyProofOfPossession } from '../../coordinator/src/pki/proof-of-possession.ts';

type DeliverOptions = { id?: string; fence?: number; onlyIfKnown?: boolean };

/**
 * The coordinator's end of the protocol without a coordinator: real TLS, real certificates, real frames; a test decides what is delivered and when. Where
 * the coordinator's own behaviour is the point, tests use the coordinator.
 */
export interface FakeGateway extends AsyncDisposable {
  readonly url: string;
  /** A one-time token in its text form. */
  token(overrides?: { caFingerprint?: string; id?: string }): string;
  /** Every message that agents sent, in order. */
  readonly received: FromAgent[];
  /** Public keys of the joins that were answered. */
  readonly joined: JoinRequest[];
  cluster: string;
  storeId: string;
  /** The highest fence that went to an agent. */
  fence: number;
  /** Whether results are acknowledged; true at first. */
  acknowledges: boolean;
  /** Answers the next `hello` by closing with `notAllowed` while true. */
  refuses: boolean;
  connected(): boolean;
  waitForSession(): Promise<void>;
  /** Sends a delivery and waits for its result, whichever session brings it. */
  deliver(operations: readonly OperationCall[], options?: DeliverOptions): Promise<Result>;
  /** Sends without waiting. */
  send(operations: readonly OperationCall[], options: DeliverOptions & { id: string }): void;
  sendRaw(frame: string): void;
  result(id: string): Promise<Result>;
  /** Cuts all sockets without a word. */
  cut(): void;
}

const PERIOD_MS = 20;
/** Only a hang is to be found out: a machine that is busy with other tests takes its time. */
const LIMIT_MS = 240_000;

/** Waits for a condition; rejects with `what` when it does not come true. */
export const until = async <T>(
  what: string,
  check: () => T | Promise<T>,
  limitMs = LIMIT_MS,
): Promise<NonNullable<T>> => {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
    if (Date.now() > deadline) throw new Error(`did not happen within ${limitMs} ms: ${what}`);
    await sleep(PERIOD_MS);
  }
};

const problem = (response: ServerResponse, status: number, code: string, detail: string): void => {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ status, code, detail, hint: 'a hint from the coordinator' }));
};

export const startFakeGateway = async (directory: string, port = 0): Promise<FakeGateway> => {
  await mkdir(directory, { recursive: true });
  const fleet = await openFleetCa({ directory, now: () => new Date() });
  const tls = await fleet.issueServerCertificate({ hosts: ['localhost'] });
  const sockets = new Set<WebSocket>();
  const spent = new Map<string, string>();
  let counter = 0;

  const answerJoin = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const join = JSON.parse(await text(request)) as JoinRequest;
    const { tokenId, publicKeyPem, name, signature } = join;
    const earlier = spent.get(tokenId);
    if (!tokenId.startsWith('good') || (earlier !== undefined && earlier !== publicKeyPem)) {
      return problem(response, 401, 'join-token', 'The join token is unknown, expired or used up.');
    }
    if (!verifyProofOfPossession({ publicKeyPem, signature, message: joinProof(tokenId, name, publicKeyPem) })) {
      return problem(response, 401, 'join-token', 'The signature does not fit.');
    }
    spent.set(tokenId, publicKeyPem);
    gateway.joined.push(join);
    const issued = fleet.issueAgentCertificate({
      publicKeyPem,
      id: `agent:${gateway.cluster}/${name}`,
      validityMs: 10 * 86_400_000,
    });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        certificatePem: issued.certificatePem,
        name,
        cluster: gateway.cluster,
        storeId: gateway.storeId,
        fence: gateway.fence,
        coordinators: [gateway.url],
      }),
    );
  };

  const server = createTlsServer(
    {
      cert: tls.certificatePem,
      key: tls.privateKeyPem,
      ca: fleet.certificatePem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      if (request.url === paths.ca) response.end(fleet.certificatePem);
      else if (request.url === paths.join) answerJoin(request, response);
      else problem(response, 404, 'not-found', 'no such path');
    },
  );
  const sessions = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    const authorized = 'authorized' in request.socket && request.socket.authorized === true;
    if (!authorized) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    sessions.handleUpgrade(request, socket, head, (websocket) => serve(websocket));
  });

  const serve = (socket: WebSocket): void => {
    socket.on('message', (data) => {
      const message = parseFromAgent(data.toString());
      gateway.received.push(message);
      if (message.type === 'hello') {
        if (gateway.refuses) return socket.close(closeCodes.notAllowed, 'this agent was removed');
        sockets.add(socket);
        socket.send(JSON.stringify({ type: 'welcome', version: 1, epoch: ++counter, heartbeatMs: 500 }));
      }
      if (message.type === 'result' && gateway.acknowledges)
        socket.send(JSON.stringify({ type: 'acknowledge', id: message.id }));
    });
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  };

  const newest = (): WebSocket => {
    const socket = [...sockets].at(-1);
    if (!socket) throw new Error('no agent is connected');
    return socket;
  };

  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const gateway: FakeGateway = {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    token: ({ caFingerprint = fleet.fingerprint256, id = `good-${++counter}` } = {}) =>
      formatJoinToken({ url: gateway.url, caFingerprint, id, secret: 'token-secret' }),
    received: [],
    joined: [],
    cluster: 'eu',
    storeId: 'store-1',
    fence: 0,
    acknowledges: true,
    refuses: false,
    connected: () => sockets.size > 0,
    waitForSession: async () => {
      await until('an agent connects', () => sockets.size > 0);
    },
    async deliver(operations, { id = `run/step/${++counter}`, fence = 1, ...more }: DeliverOptions = {}) {
      const before = gateway.received.length;
      gateway.send(operations, { id, fence, ...more });
      return until(`the result of ${id}`, () =>
        gateway.received
          .slice(before)
          .find((message): message is Result => message.type === 'result' && message.id === id),
      );
    },
    send: (operations, { id, fence = 1, ...more }) => {
      gateway.fence = Math.max(gateway.fence, fence);
      newest().send(JSON.stringify({ type: 'deliver', id, fence, operations, ...more }));
    },
    sendRaw: (frame) => newest().send(frame),
    result: (id) =>
      until(`the result of ${id}`, () =>
        gateway.received.find((message): message is Result => message.type === 'result' && message.id === id),
      ),
    cut: () => {
      for (const socket of sockets) socket.terminate();
      sockets.clear();
    },
    async [Symbol.asyncDispose]() {
      gateway.cut();
      sessions.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return gateway;
};
