import { readFile } from 'node:fs/promises';
import { messageOf } from '@remora/shared/errors.ts';
import { MAX_FRAME_BYTES, paths } from '@remora/shared/protocol/limits.ts';
import WebSocket from 'ws';
import type { DataDirectory } from '../data-directory.ts';
import { goBackTo, type Identity, readIdentity, readPrevious } from '../identity/identity.ts';
import type { Log } from '../log.ts';
import { type Connection, type ConnectionHandlers, converse } from './connection.ts';

/** Opens connections with the agent's identity, and keeps those that are open. */
export interface Dialer {
  /** Resolves once the coordinator let the agent in, or the connection ended without. Throws when the data directory cannot be read. */
  open(coordinator: string, handlers: (self: () => Connection) => ConnectionHandlers): Promise<Connection>;
  /** The certificate with which the agent was let in last, PEM; null before. */
  accepted(): string | null;
  /** The agent was refused: answers whether there is another identity, with which the next connection is opened. */
  onRefused(): Promise<boolean>;
  /** No more connections; ends those that are open, without a word after a while. */
  stop(limitMs: number): () => void;
}

const HANDSHAKE_LIMIT_MS = 10_000;

const sessionUrl = (coordinator: string): string => {
  const url = new URL(paths.session, coordinator);
  url.protocol = 'wss:';
  return url.href;
};

/** Only the fleet CA is trusted; while it is being rotated, the old and the new one. */
const dial = async (coordinator: string, directory: DataDirectory, identity: Identity): Promise<WebSocket> =>
  new WebSocket(sessionUrl(coordinator), {
    ...{ ca: await readFile(directory.fleetCa, 'utf8'), cert: identity.certificatePem, key: identity.privateKeyPem },
    minVersion: 'TLSv1.2',
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handshakeTimeout: HANDSHAKE_LIMIT_MS,
    followRedirects: false,
  });

export const createDialer = (directory: DataDirectory, log: Log): Dialer => {
  const all = new Set<Connection>();
  let isStopping = false;
  /** A store that was restored from a back-up may know only the identity before the last renewal. */
  let triesPrevious = false;
  let accepted: string | null = null;

  const goBack = async (previous: Identity): Promise<void> => {
    log('warn', 'the coordinator knows only the certificate before the last renewal: that one counts again');
    await goBackTo(directory, previous).catch((error: unknown) => log('error', `it was not kept: ${messageOf(error)}`));
  };

  return {
    /** The identity is read at each dial, so that an agent that was joined again goes on with its new one. */
    async open(coordinator, handlers) {
      const previous = triesPrevious ? await readPrevious(directory) : null;
      const identity = previous ?? (await readIdentity(directory));
      const socket = await dial(coordinator, directory, identity);
      const heard = handlers(() => connection);
      const connection: Connection = converse(socket, {
        ...heard,
        onWelcome(welcome) {
          accepted = identity.certificatePem;
          heard.onWelcome(welcome);
        },
      });
      all.add(connection);
      void connection.ended.then(() => all.delete(connection));
      if (isStopping) connection.terminate();
      if (!(await connection.accepted)) return connection;
      triesPrevious = false;
      if (previous) await goBack(previous);
      return connection;
    },
    accepted: () => accepted,
    async onRefused() {
      triesPrevious = !triesPrevious && (await readPrevious(directory)) !== null;
      return triesPrevious;
    },
    stop(limitMs) {
      isStopping = true;
      for (const connection of all) connection.close();
      const limit = setTimeout(() => {
        for (const connection of all) connection.terminate();
      }, limitMs);
      return () => clearTimeout(limit);
    },
  };
};
