import { startPrivateRedis } from '../../coordinator/src/store/private-redis/private-redis.ts';

/** Stands for a coordinator: owns a private Redis until it is killed, or stops it at SIGTERM. First line: JSON with the pid of Redis, or the error. */
const [directory = ''] = process.argv.slice(2);
const note = (_: object, message: string): void => console.error(message);
try {
  const redis = await startPrivateRedis({ directory, log: { info: note, warn: note, error: note } });
  process.once('SIGTERM', () => void redis.stop().then(() => process.exit(0)));
  setInterval(() => undefined, 1000);
  console.log(JSON.stringify({ redis: redis.pid(), adopted: redis.adopted }));
} catch (error) {
  const { code, message, hint } = error as { code: string; message: string; hint: string };
  console.log(JSON.stringify({ error: { code, message, hint } }));
}
