import type { IncomingMessage } from 'node:http';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { closeCodes, PROTOCOL_VERSION, SILENCE_LIMIT_MS } from '@remora/shared/protocol/limits.ts';
import { type FromAgent, type FromCoordinator, parseFromCoordinator } from '@remora/shared/protocol/messages.ts';
import type { Welcome } from '@remora/shared/protocol/session.ts';
import WebSocket from 'ws';

export type Delivered = Exclude<FromCoordinator, { type: 'welcome' }>;

/** What happens on one connection, between `hello` and close. */
export interface ConnectionHandlers {
  hello(): Promise<FromAgent>;
  heartbeat(): Promise<FromAgent>;
  onWelcome(welcome: Welcome): void;
  onMessage(message: Delivered): void;
}

/** Why a connection ended. */
export interface Ended {
  readonly welcomed: boolean;
  /** The coordinator does not want this agent: not on record, expired, revoked, or enrolled in another store. */
  readonly notAllowed: boolean;
  readonly why: string;
}

export interface Connection {
  /** False when the coordinator has not said welcome, or the socket is closing. */
  send(message: FromAgent): boolean;
  close(): void;
  terminate(): void;
  /** Whether the coordinator let the agent in; false once it ended without. */
  readonly accepted: Promise<boolean>;
  readonly ended: Promise<Ended>;
}

const WELCOME_LIMIT_MS = 10_000;

/** Ends a socket on which nothing was heard for three beats: a peer that vanished sends no FIN. */
const watchSilence = (socket: WebSocket): NodeJS.Timeout => {
  let heardAt = performance.now();
  const heard = (): void => {
    heardAt = performance.now();
  };
  for (const event of ['message', 'ping', 'pong'] as const) socket.on(event, heard);
  return setInterval(() => {
    if (performance.now() - heardAt > SILENCE_LIMIT_MS) socket.terminate();
  }, SILENCE_LIMIT_MS / 3);
};

const transmit = (socket: WebSocket, message: FromAgent): void => socket.send(JSON.stringify(message));

const beat = (socket: WebSocket, handlers: ConnectionHandlers, everyMs: number): NodeJS.Timeout =>
  setInterval(async () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    // The ping makes the peer answer at the level of the WebSocket, whatever it does above.
    socket.ping();
    const message = await handlers.heartbeat();
    if (socket.readyState === WebSocket.OPEN) transmit(socket, message);
  }, everyMs);

const MAX_REFUSAL = 64 * 1024;
/** HTTP: the certificate was looked at, and is not good. */
const REFUSED = [401, 403];

/** What the coordinator says instead of opening a session: a problem (RFC 9457) with a hint. */
const readRefusal = async (response: IncomingMessage): Promise<string> => {
  const unknown = `the coordinator answered ${response.statusCode}`;
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk;
      if (text.length > MAX_REFUSAL) return unknown;
    }
    const { detail, hint = '' } = JSON.parse(text) as { detail?: string; hint?: string };
    return typeof detail === 'string' ? `${detail} ${hint}`.trim() : unknown;
  } catch {
    return unknown;
  }
};

/** Speaks the protocol on a socket that was just dialled. */
export const converse = (socket: WebSocket, handlers: ConnectionHandlers): Connection => {
  let welcomed = false;
  let failure = '';
  let refused = false;
  const accepted = Promise.withResolvers<boolean>();
  const timers: NodeJS.Timeout[] = [setTimeout(() => socket.terminate(), WELCOME_LIMIT_MS), watchSilence(socket)];

  const receive = (data: WebSocket.RawData): void => {
    const message = parseFromCoordinator(data.toString());
    if (message.type !== 'welcome') {
      // Nothing is done for a peer that has not accepted this agent.
      if (welcomed) handlers.onMessage(message);
      return;
    }
    if (welcomed) return;
    if (message.version !== PROTOCOL_VERSION) {
      const why = `the coordinator speaks version ${message.version} of the protocol and this agent version ${PROTOCOL_VERSION}`;
      throw new RemoraError('protocol-violation', why);
    }
    welcomed = true;
    clearTimeout(timers[0]);
    timers.push(beat(socket, handlers, message.heartbeatMs));
    handlers.onWelcome(message);
    accepted.resolve(true);
  };

  socket.on('open', async () => transmit(socket, await handlers.hello()));
  socket.on('message', (data) => {
    try {
      receive(data);
    } catch (error) {
      failure = messageOf(error);
      socket.close(closeCodes.protocolViolation, failure.slice(0, 120));
    }
  });
  socket.on('unexpected-response', async (_request, response) => {
    refused = REFUSED.includes(response.statusCode ?? 0);
    failure = await readRefusal(response);
    socket.terminate();
  });
  socket.on('error', (error) => {
    failure ||= error.message;
  });
  const ended = new Promise<Ended>((resolve) => {
    socket.on('close', (code, reason) => {
      for (const timer of timers) clearInterval(timer);
      const said = failure || reason.toString();
      const why = said === '' ? `closed with ${code}` : said;
      accepted.resolve(false);
      resolve({ welcomed, notAllowed: refused || code === closeCodes.notAllowed, why });
    });
  });

  return {
    ended,
    accepted: accepted.promise,
    send(message) {
      if (!welcomed || socket.readyState !== WebSocket.OPEN) return false;
      transmit(socket, message);
      return true;
    },
    close: () => socket.close(1000),
    terminate: () => socket.terminate(),
  };
};
