import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@remora/shared/errors.ts';
import type { FromAgent } from '@remora/shared/protocol/messages.ts';
import type { AgentConfig } from '../checks.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { Log } from '../log.ts';
import { createBackOff } from './backoff.ts';
import type { Connection, ConnectionHandlers, Ended } from './connection.ts';
import { createDialer } from './dial.ts';

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
  /** Shows an identity that was renewed, on a second connection that takes the place of this one once it is let in: the agent is never offline for it. */
  showIdentity(): void;
  /** The certificate with which the agent was let in last, PEM; null before. */
  accepted(): string | null;
  /** Closes for good. */
  stop(): Promise<void>;
}

const BACK_OFF = { baseMs: 500, capMs: 15_000 };
/** A coordinator that does not want this agent is asked seldom: only a person can change that. */
const NOT_ALLOWED_PAUSE_MS = 30_000;
const CLOSE_LIMIT_MS = 2000;

/** One conversation with one coordinator: a connection, and those that take its place. */
const createConversation = (options: SessionOptions) => {
  const { directory, log } = options;
  const dialer = createDialer(directory, log);
  let current: Connection | null = null;
  let successor: Promise<Connection | null> | null = null;
  let draining = false;

  const handlers = (self: () => Connection): ConnectionHandlers => ({
    hello: () => options.hello(),
    heartbeat: () => options.heartbeat(),
    onWelcome(welcome) {
      current = self();
      if (draining) current.send({ type: 'draining' });
      options.onWelcome(welcome);
    },
    onMessage(message) {
      if (!(draining && message.type === 'deliver')) options.onMessage(message);
    },
  });

  const succeed = async (before: Connection, coordinator: string): Promise<Connection | null> => {
    let why: string;
    try {
      const next = await dialer.open(coordinator, handlers);
      if (await next.accepted) {
        before.close();
        return next;
      }
      ({ why } = await next.ended);
    } catch (error) {
      why = messageOf(error);
    }
    log('warn', `no session with the renewed certificate yet, the one before goes on: ${why}`);
    successor = null;
    return null;
  };

  return {
    dialer,
    /** Until it ends, and nothing takes its place. */
    async over(coordinator: string): Promise<Ended> {
      try {
        for (let connection: Connection | null = await dialer.open(coordinator, handlers); ; ) {
          const ended: Ended = await connection.ended;
          connection = await successor;
          successor = null;
          if (!connection) return ended;
        }
      } catch (error) {
        return { welcomed: false, notAllowed: false, why: messageOf(error) };
      } finally {
        current = null;
      }
    },
    send: (message: FromAgent): boolean => current?.send(message) ?? false,
    drain(): void {
      draining = true;
      current?.send({ type: 'draining' });
    },
    succeed(coordinator: string): void {
      if (current && !successor && !draining) successor = succeed(current, coordinator);
    },
  };
};

export const startSession = (options: SessionOptions): Session => {
  const { config, log } = options;
  const { coordinators } = config;
  const stopping = new AbortController();
  const conversation = createConversation(options);
  let coordinator = '';

  const pause = (ms: number): Promise<unknown> =>
    sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  const keepConnected = async (): Promise<void> => {
    const backOff = createBackOff(BACK_OFF);
    for (let turn = 1; !stopping.signal.aborted; turn += 1) {
      coordinator = coordinators[(turn - 1) % coordinators.length] ?? '';
      const ended = await conversation.over(coordinator);
      if (stopping.signal.aborted) return;
      log(ended.notAllowed ? 'error' : 'warn', `no session with ${coordinator}: ${ended.why}`);
      if (ended.welcomed) backOff.reset();
      if (ended.notAllowed) {
        if (!(await conversation.dialer.onRefused())) await pause(NOT_ALLOWED_PAUSE_MS * (0.5 + Math.random()));
      }
      // All coordinators are tried before the agent waits; after a session that worked, a moment, for all agents of that coordinator come at once.
      else if (ended.welcomed || turn % coordinators.length === 0) await pause(backOff.next());
    }
  };

  const over = keepConnected();
  return {
    send: (message) => conversation.send(message),
    drain: () => conversation.drain(),
    showIdentity: () => conversation.succeed(coordinator),
    accepted: () => conversation.dialer.accepted(),
    async stop() {
      stopping.abort();
      const stopped = conversation.dialer.stop(CLOSE_LIMIT_MS);
      await over;
      stopped();
    },
  };
};
