import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** Every form in which a value could lie around; a text in base64 shows in one of three alignments. */
const shapes = (value: Buffer): Buffer[] => {
  const encoded = (['base64', 'base64url', 'hex'] as const).map((encoding) => value.toString(encoding));
  const aligned = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), value]).toString('base64');
    return text.slice(shift === 0 ? 0 : 4, Math.floor((value.length + shift) / 3) * 4);
  });
  const quoted = JSON.stringify(value.toString('utf8')).slice(1, -1);
  return [
    value,
    ...[...encoded, ...aligned, quoted, encodeURIComponent(value.toString('latin1'))].map((s) => Buffer.from(s)),
  ];
};

/** Names of the secrets that a place holds in any form, with that place: `PLACE holds SECRET`. */
export const findSecrets = (
  secrets: Readonly<Record<string, string | Buffer>>,
  places: Readonly<Record<string, string | Buffer>>,
): string[] =>
  Object.entries(places).flatMap(([place, content]) => {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
    return Object.entries(secrets)
      .filter(([, secret]) => shapes(Buffer.from(secret)).some((shape) => bytes.includes(shape)))
      .map(([name]) => `${place} holds ${name}`);
  });

/** Every file below a directory, by its path within it. */
export const filesBelow = (directory: string): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(directory.length + 1), readFileSync(path)]),
  );

/** Every key of the coordinator's private Redis with its value, whatever its type: as text, since a dump may be compressed. */
export const redisContents = async (dataDirectory: string): Promise<Record<string, string>> => {
  const redis = new Redis({ path: join(dataDirectory, socketBelow(dataDirectory)) });
  try {
    const keys = await redis.keys('*');
    const values = await Promise.all(keys.map(async (key) => [`redis ${key}`, await contentOf(redis, key)] as const));
    return Object.fromEntries(values);
  } finally {
    redis.disconnect();
  }
};

const socketBelow = (directory: string): string =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).find((path) => path.endsWith('redis.sock')) ??
  'redis.sock';

const contentOf = async (redis: Redis, key: string): Promise<string> => {
  const read: Record<string, () => Promise<unknown>> = {
    string: () => redis.get(key),
    hash: () => redis.hgetall(key),
    list: () => redis.lrange(key, 0, -1),
    set: () => redis.smembers(key),
    zset: () => redis.zrange(key, '0', '-1'),
    stream: () => redis.xrange(key, '-', '+'),
  };
  const value = await read[await redis.type(key)]?.();
  return flat(value).join('\n');
};

const flat = (value: unknown): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, item]) => [name, ...flat(item)])
    : [String(value)];
