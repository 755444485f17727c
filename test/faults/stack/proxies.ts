import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** One connection through a proxy. `up` comes from the client, `down` goes to it. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Bytes in this direction vanish. */
  dropUp: boolean;
  dropDown: boolean;
}

const destroy = ({ client, server }: Pair): void => {
  client.destroy();
  server.destroy();
};

/** A TCP proxy, which sees bytes pass and not what they say. */
export interface TcpProxy {
  readonly port: number;
  /** Resets every connection. */
  cut(): void;
  /** While set, connections are refused: accepted and reset, as by a load balancer with nobody behind it. */
  isDown: boolean;
  /** Bytes from the client vanish on the connections that are there now, until they are cut. */
  swallowUp(): void;
  /** Forwards the next chunk to the client that is at least so long, then resets its connection. Resolves once that was done. */
  cutAfterDown(minimumBytes: number): Promise<void>;
  /** Forwards the next chunk from a client with this text in it, and resets its connection in the place of the answer. Resolves once that was done. */
  cutInsteadOfAnswer(text: string): Promise<void>;
  close(): Promise<void>;
}

interface Armed {
  readonly fits: (chunk: Buffer) => boolean;
  readonly done: () => void;
}

/** `target` is asked at each connection. */
export const startProxy = async (port: number, target: () => number): Promise<TcpProxy> => {
  const pairs = new Set<Pair>();
  const armed: { down: Armed | null; up: Armed | null } = { down: null, up: null };

  const onUp = (pair: Pair, chunk: Buffer): void => {
    if (pair.dropUp) return;
    if (armed.up?.fits(chunk)) {
      const { done } = armed.up;
      armed.up = null;
      pair.dropDown = true;
      pair.server.once('data', () => {
        destroy(pair);
        done();
      });
    }
    pair.server.write(chunk);
  };
  const onDown = (pair: Pair, chunk: Buffer): void => {
    if (pair.dropDown) return;
    const hit = armed.down?.fits(chunk) ? armed.down : null;
    if (!hit) {
      pair.client.write(chunk);
      return;
    }
    armed.down = null;
    // What the client answers to it goes nowhere.
    pair.dropUp = true;
    pair.client.write(chunk, () => {
      pair.client.end();
      pair.server.destroy();
      hit.done();
    });
  };

  const proxy: TcpProxy = {
    port,
    isDown: false,
    cut: () => pairs.forEach(destroy),
    swallowUp: () => {
      for (const pair of pairs) pair.dropUp = true;
    },
    cutAfterDown: (minimumBytes) =>
      new Promise((done) => {
        armed.down = { fits: ({ length }) => length >= minimumBytes, done };
      }),
    cutInsteadOfAnswer: (text) =>
      new Promise((done) => {
        armed.up = { fits: (chunk) => chunk.includes(text), done };
      }),
    async close() {
      pairs.forEach(destroy);
      const closed = once(listener, 'close');
      listener.close();
      await closed;
    },
  };
  const listener = createServer((client) => {
    if (proxy.isDown) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const pair: Pair = { client, server: connect(target(), '127.0.0.1'), dropUp: false, dropDown: false };
    pairs.add(pair);
    client.setNoDelay(true);
    pair.server.setNoDelay(true);
    client.on('data', (chunk) => onUp(pair, chunk));
    pair.server.on('data', (chunk) => onDown(pair, chunk));
    for (const socket of [client, pair.server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        destroy(pair);
        pairs.delete(pair);
      });
    }
  });
  listener.listen(port, '127.0.0.1');
  await once(listener, 'listening');
  return proxy;
};
