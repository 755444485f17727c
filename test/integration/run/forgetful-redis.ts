import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';

/** A way to a Redis that loses replies: a connection ends when the reply to a command is on its way, so the client sends it again. */
export interface ForgetfulRedis {
  readonly path: string;
  /** How many replies were lost. */
  lost(): number;
  close(): Promise<void>;
}

/**
 * Of the commands whose text has `mark`, every second reply is lost, beginning with the first: each takes effect, and is sent again. All else passes. One
 * command at a time, as a test sends them.
 */
export const openForgetfulRedis = async (redisPath: string, mark: string): Promise<ForgetfulRedis> => {
  const path = `${redisPath}.forgetful`;
  const open = new Set<Socket>();
  let marked = 0;
  let lost = 0;
  const server = createServer((client) => {
    const redis = connect(redisPath);
    let isLosing = false;
    for (const socket of [client, redis]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    client.on('data', (data) => {
      if (data.includes(mark)) {
        marked += 1;
        isLosing = marked % 2 === 1;
      }
      redis.write(data);
    });
    redis.on('data', (data) => {
      if (!isLosing) return void client.write(data);
      lost += 1;
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    lost: () => lost,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(path, { force: true });
    },
  };
};
