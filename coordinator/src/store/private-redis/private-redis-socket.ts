import { type FileHandle, open } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

export const SOCKET_FILE = 'redis.sock';

/** sun_path of unix(7) has 108 bytes, one of them for the terminating zero. */
const LONGEST_SOCKET_PATH = 107;

export interface SocketPath {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * A path of the socket that is short enough to connect to, valid within this process. Where the directory's own path is too long, it goes through an open
 * descriptor of the directory (/proc/self/fd): unlike a link in a temporary directory, nobody can clean that away or put another in its place.
 */
export const socketPathIn = async (directory: string): Promise<SocketPath> => {
  const direct = join(directory, SOCKET_FILE);
  if (Buffer.byteLength(direct) <= LONGEST_SOCKET_PATH) return { path: direct, close: async () => undefined };
  const handle: FileHandle = await open(directory, 'r');
  return { path: `/proc/self/fd/${handle.fd}/${SOCKET_FILE}`, close: () => handle.close() };
};

/** `loading` while Redis reads its append-only file. */
export type Answer =
  | { readonly state: 'ready' | 'loading'; readonly pid: number | null }
  | { readonly state: 'silent' };

/** Asks whoever listens at the socket which process it is; `silent` when nobody answers within the limit. */
export const askRedis = (path: string, timeoutMs = 1000): Promise<Answer> =>
  new Promise((resolve) => {
    let received = '';
    const socket = connect(path);
    const finish = (answer: Answer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => finish({ state: 'silent' }));
    socket.once('error', () => finish({ state: 'silent' }));
    socket.once('close', () => finish({ state: 'silent' }));
    // INFO is answered while loading too, and PING, sent after it, tells which it is.
    socket.once('connect', () => socket.write('INFO server\r\nPING\r\n'));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk;
      const pid = /^process_id:(\d+)/m.exec(received)?.[1];
      if (/^\+PONG\r\n/m.test(received)) finish({ state: 'ready', pid: pid === undefined ? null : Number(pid) });
      if (/^-LOADING /m.test(received)) finish({ state: 'loading', pid: pid === undefined ? null : Number(pid) });
    });
  });
