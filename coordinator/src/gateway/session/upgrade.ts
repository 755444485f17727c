import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { MAX_FRAME_BYTES, paths } from '@remora/shared/protocol/limits.ts';
import { type WebSocket, WebSocketServer } from 'ws';
import { toProblem } from '../../http/problem.ts';
import type { GatewayLog } from '../gateway-log.ts';
import { admit, hostOf, issuedFor, type Peer, peerAddress } from './admission.ts';

export interface UpgradeParts {
  /** Those whose certificates count now. */
  readonly fleetCas: () => readonly X509Certificate[];
  readonly nodeOf: (fingerprint: string) => Promise<string | null>;
  readonly onSession: (socket: WebSocket, peer: Peer) => void;
  readonly isStopping: () => boolean;
  /** An agent of this fleet by its certificate, which is not accepted (any more). */
  readonly onTurnedAway: (who: string, from: string, error: unknown) => void;
  readonly log: GatewayLog;
}

/** A peer that does not read its refusal by then is cut off. */
const REFUSAL_LIMIT_MS = 1000;

/**
 * Answers an upgrade with a problem instead, and closes the connection: an HTTP server's sockets stay half open after `end`, and once upgraded no time limit
 * of the server holds for them any more.
 */
const refuseUpgrade = (socket: Duplex, error: unknown): void => {
  const problem = toProblem(error);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} Refused`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  const limit = setTimeout(() => socket.destroy(), REFUSAL_LIMIT_MS);
  socket.once('close', () => clearTimeout(limit));
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
};

/**
 * Handles the upgrades of an HTTPS server (`requestCert: true, rejectUnauthorized: false`, the fleet CAs as `ca`): `paths.session` becomes a session when the
 * client certificate is good, anything else is refused and logged with the peer. The console uses no WebSocket, so no other path has one.
 */
export const handleUpgrades = (server: Server, parts: UpgradeParts): void => {
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false });

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (path !== paths.session) throw new RemoraError('not-found', `There is no WebSocket at ${path}.`);
    if (!(socket instanceof TLSSocket)) throw new RemoraError('not-allowed', 'Agents connect by TLS only.');
    const peer = await admit(socket, { fleetCas: parts.fleetCas(), nodeOf: parts.nodeOf });
    if (parts.isStopping()) throw new RemoraError('coordinator-unreachable', 'This coordinator is stopping.');
    webSockets.handleUpgrade(request, socket, head, (webSocket) => parts.onSession(webSocket, peer));
  };

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const peer = socket instanceof TLSSocket ? peerAddress(socket) : 'unknown';
    // Asked for now: of a connection that was reset meanwhile there is no certificate any more.
    const who = socket instanceof TLSSocket ? issuedFor(socket, parts.fleetCas()) : null;
    const onError = (error: Error): void => parts.log.warn({ peer, reason: error.message }, 'an upgrade was cut off');
    socket.on('error', onError);
    upgrade(request, socket, head).then(
      () => socket.off('error', onError),
      (error: unknown) => {
        parts.log.warn({ peer, reason: messageOf(error) }, 'agent refused');
        refuseUpgrade(socket, error);
        if (who !== null) parts.onTurnedAway(who, hostOf(peer), error);
      },
    );
  });
};
