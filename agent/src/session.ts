import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@remora/shared/errors.ts';
import { MAX_FRAME_BYTES, paths } from '@remora/shared/protocol/limits.ts';
import type { FromAgent } from '@remora/shared/protocol/messages.ts';
import WebSocket from 'ws';
import { createBackOff } from './backoff.ts';
import type { AgentConfig } from './checks.ts';
import { type Connection, type ConnectionHandlers, converse, type Ended } from './connection.ts';
import type { DataDirectory } from './data-directory.ts';
import type { Log } from './log.ts';

/** What a session needs of the agent; what it sends is asked for at the moment of sending. */
export interface SessionOptions extends ConnectionHandlers {
  readonly config: AgentConfig;
  readonly directory: DataDirectory;
  readonly log: Log;
}

/** The agent's standing connection to one of the coordinators, made again whenever it breaks. */
export interface Session {
  /** Sends when there is a connection; false when there is none. */
  send(message: FromAgent): boolean;
  /** Says that no more deliveries are taken, and takes none. The connection stays, for the last result. */
  drain(): void;
  /** Closes for good. */
  stop(): Promise<void>;
}

const HANDSHAKE_LIMIT_MS = 10_000;
const BACK_OFF = { baseMs: 500, capMs: 15_000 };
/** A coordinator that does not want this agent is asked seldom: only a person can change that. */
const NOT_ALLOWED_PAUSE_MS = 30_000;
const CLOSE_LIMIT_MS = 2000;

const sessionUrl = (coordinator: string): string => {
  const url = new URL(paths.session, coordinator);
  url.protocol = 'wss:';
  return url.href;
};

/** Read at each dial, so that an agent that was joined again goes on with its new certificate. Only the fleet CA is trusted. */
const credentials = async (directory: DataDirectory) => {
  const [ca, cert, key] = await Promise.all(
    [directory.fleetCa, directory.certificate, directory.key].map((path) => readFile(path, 'utf8')),
  );
  return { ca, cert, key };
};

const dial = async (coordinator: string, directory: DataDirectory): Promise<WebSocket> =>
  new WebSocket(sessionUrl(coordinator), {
    ...(await credentials(directory)),
    minVersion: 'TLSv1.2',
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handshakeTimeout: HANDSHAKE_LIMIT_MS,
    followRedirects: false,
  });

export const startSession = (options: SessionOptions): Session => {
  const { config, directory, log } = options;
  const stopping = new AbortController();
  let current: Connection | null = null;
  let draining = false;

  const handlers: ConnectionHandlers = {
    hello: () => options.hello(),
    heartbeat: () => options.heartbeat(),
    onWelcome(welcome) {
      if (draining) current?.send({ type: 'draining' });
      options.onWelcome(welcome);
    },
    onMessage(message) {
      if (!(draining && message.type === 'deliver')) options.onMessage(message);
    },
  };

  const connect = async (coordinator: string): Promise<Ended> => {
    try {
      current = converse(await dial(coordinator, directory), handlers);
      return await current.ended;
    } catch (error) {
      return { welcomed: false, notAllowed: false, why: messageOf(error) };
    } finally {
      current = null;
    }
  };

  const pause = (ms: number): Promise<unknown> =>
    sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  const keepConnected = async (): Promise<void> => {
    const { coordinators } = config;
    const backOff = createBackOff(BACK_OFF);
    for (let turn = 1; !stopping.signal.aborted; turn += 1) {
      const coordinator = coordinators[(turn - 1) % coordinators.length] ?? '';
      const ended = await connect(coordinator);
      if (stopping.signal.aborted) return;
      log(ended.notAllowed ? 'error' : 'warn', `no session with ${coordinator}: ${ended.why}`);
      if (ended.welcomed) backOff.reset();
      if (ended.notAllowed) await pause(NOT_ALLOWED_PAUSE_MS * (0.5 + Math.random()));
      // All coordinators are tried before the agent waits; after a session that worked, a moment, for all agents of that coordinator come at once.
      else if (ended.welcomed || turn % coordinators.length === 0) await pause(backOff.next());
    }
  };

  const over = keepConnected();
  return {
    send: (message) => current?.send(message) ?? false,
    drain() {
      draining = true;
      current?.send({ type: 'draining' });
    },
    async stop() {
      stopping.abort();
      current?.close();
      const limit = setTimeout(() => current?.terminate(), CLOSE_LIMIT_MS);
      await over;
      clearTimeout(limit);
    },
  };
};
