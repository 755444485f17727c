import { type ErrorCode, messageOf, RemoraError } from '@remora/shared/errors.ts';
import { closeCodes, SILENCE_LIMIT_MS } from '@remora/shared/protocol/limits.ts';
import { type FromAgent, parseFromAgent } from '@remora/shared/protocol/messages.ts';
import type { RawData, WebSocket } from 'ws';

export interface SocketEvents {
  /** Called for one message after the other, in the order of the frames; what it throws closes the socket. */
  onMessage(message: FromAgent): Promise<void>;
  /** The peer is being thrown out, for this reason. */
  onRefused(error: unknown): void;
  /** Comes last, once: after the last message was dealt with. */
  onClosed(): Promise<void>;
}

/** So many unread messages stop the reading: an agent that floods waits, the others do not. */
const BACKLOG_LIMIT = 64;
/** RFC 6455 section 5.5: a control frame carries 125 bytes, two of them the code. */
const MAX_REASON_BYTES = 123;

/** RFC 6455 section 7.4.1: the server met a condition that it did not expect. */
const INTERNAL_ERROR = 1011;
const codeByError: Partial<Record<ErrorCode, number>> = {
  'protocol-violation': closeCodes.protocolViolation,
  'not-allowed': closeCodes.notAllowed,
  'wrong-node': closeCodes.notAllowed,
  'store-replaced': closeCodes.notAllowed,
};

/** A close reason that fits its frame, cut at a character. */
export const closeReason = (text: string): string => {
  let reason = text;
  while (Buffer.byteLength(reason) > MAX_REASON_BYTES) reason = reason.slice(0, -1);
  return reason;
};

/** Closes with the code that goes with the error; an error of our own side says no more than that. */
export const closeWith = (socket: WebSocket, error: unknown): void => {
  const code = error instanceof RemoraError ? (codeByError[error.code] ?? INTERNAL_ERROR) : INTERNAL_ERROR;
  socket.close(code, closeReason(code === INTERNAL_ERROR ? 'the coordinator met a fault' : messageOf(error)));
};

const read = (data: RawData, isBinary: boolean): FromAgent => {
  if (isBinary) throw new RemoraError('protocol-violation', 'a frame is binary, not text');
  return parseFromAgent(data.toString());
};

/**
 * Reads an agent's socket: validates every frame, hands messages on strictly one after the other, and ends a socket that breaks the protocol or is
 * silent for too long. `ws` itself closes on frames over `maxPayload` (1009) and on broken framing (1002) and says so by an `error` event.
 */
export const serveSocket = (socket: WebSocket, events: SocketEvents): void => {
  let tail = Promise.resolve();
  let backlog = 0;
  let ended = false;
  const end = (error: unknown): void => {
    if (ended) return;
    ended = true;
    events.onRefused(error);
    closeWith(socket, error);
  };
  const silence = setTimeout(() => {
    ended = true;
    events.onRefused(new RemoraError('protocol-violation', `the agent was silent for ${SILENCE_LIMIT_MS} ms`));
    socket.terminate();
  }, SILENCE_LIMIT_MS);
  const deal = async (data: RawData, isBinary: boolean): Promise<void> => {
    try {
      if (!ended) await events.onMessage(read(data, isBinary));
    } catch (error) {
      end(error);
    }
    backlog -= 1;
    if (backlog === 0 && socket.isPaused) socket.resume();
  };
  socket.on('message', (data, isBinary) => {
    silence.refresh();
    backlog += 1;
    if (backlog >= BACKLOG_LIMIT) socket.pause();
    tail = tail.then(() => deal(data, isBinary));
  });
  socket.on('ping', () => silence.refresh());
  socket.on('error', (error) => {
    if (!ended) events.onRefused(new RemoraError('protocol-violation', messageOf(error), { cause: error }));
    ended = true;
  });
  socket.on('close', () => {
    clearTimeout(silence);
    tail = tail.then(() => events.onClosed());
  });
};
