import type { Redis } from 'ioredis';
import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import { keys } from '../../store/keys.ts';
import { ALIVE_RENEW_MS, ALIVE_TTL_MS, gatewayKeys } from '../gateway-keys.ts';

/** The newest session of a node, as Redis keeps it in `keys.sessions`. */
export interface SessionRecord {
  /** Which coordinator holds the socket. */
  readonly coordinator: string;
  /** Grows with every session of the whole fleet; only the newest of a node may deliver. */
  readonly epoch: number;
}

/**
 * KEYS: epoch counter, sessions, agent certificates. ARGV: CLUSTER/NODE, coordinator, fingerprint.
 * Answers {0} when the certificate was revoked meanwhile, else {epoch, the session before or ''}.
 */
const REGISTER = `
if redis.call('HGET', KEYS[3], ARGV[3]) ~= ARGV[1] then return {0, ''} end
local epoch = redis.call('INCR', KEYS[1])
local before = redis.call('HGET', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], string.format('{"coordinator":%s,"epoch":%d}', cjson.encode(ARGV[2]), epoch))
return {epoch, before or ''}`;

/** KEYS: sessions. ARGV: CLUSTER/NODE, epoch. A newer session stays. */
const RELEASE = `
local now = redis.call('HGET', KEYS[1], ARGV[1])
if now and cjson.decode(now).epoch == tonumber(ARGV[2]) then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0`;

/** Which coordinator holds the newest session of which node. */
export interface SessionRegistry {
  /** Makes a session the newest of its node; null when the certificate is not registered any more. */
  register(
    node: NodeId,
    fingerprint: string,
  ): Promise<{ readonly epoch: number; readonly before: SessionRecord | null } | null>;
  /** Forgets a session, unless a newer one took its place. */
  release(node: NodeId, epoch: number): Promise<void>;
  /** The newest session of a node whose coordinator lives; null when the agent is offline. */
  find(node: NodeId): Promise<SessionRecord | null>;
  isNewest(node: NodeId, epoch: number): Promise<boolean>;
  /** CLUSTER/NODE -> session, of living coordinators only. */
  list(): Promise<ReadonlyMap<string, SessionRecord>>;
  /** Stops to say that this coordinator lives. */
  close(): Promise<void>;
}

const parse = (text: string): SessionRecord => JSON.parse(text) as SessionRecord;

/** Sessions that an earlier process under this id left behind: their sockets died with it. */
const forgetOwn = async (redis: Redis, coordinatorId: string): Promise<void> => {
  for (const [node, text] of Object.entries(await redis.hgetall(keys.sessions))) {
    const { coordinator, epoch } = parse(text);
    if (coordinator === coordinatorId) await redis.eval(RELEASE, 1, keys.sessions, node, epoch);
  }
};

/** Begins to say that this coordinator lives, every 3 s; `onError` hears of renewals that failed. */
export const openSessionRegistry = async (
  redis: Redis,
  coordinatorId: string,
  onError: (error: unknown) => void,
): Promise<SessionRegistry> => {
  const renew = async (): Promise<void> => {
    await redis.set(gatewayKeys.alive(coordinatorId), '1', 'PX', ALIVE_TTL_MS);
  };
  const living = async (coordinators: readonly string[]): Promise<ReadonlySet<string>> => {
    if (coordinators.length === 0) return new Set();
    const found = await redis.mget(coordinators.map(gatewayKeys.alive));
    return new Set(coordinators.filter((_, index) => found[index] !== null));
  };
  await forgetOwn(redis, coordinatorId);
  await renew();
  const timer = setInterval(() => void renew().catch(onError), ALIVE_RENEW_MS);
  timer.unref();
  return {
    async register(node, fingerprint) {
      const from = [keys.epoch, keys.sessions, keys.agentCertificates];
      const answer = await redis.eval(REGISTER, from.length, ...from, nodeKey(node), coordinatorId, fingerprint);
      const [epoch, before] = answer as [number, string];
      return epoch === 0 ? null : { epoch, before: before === '' ? null : parse(before) };
    },
    async release(node, epoch) {
      await redis.eval(RELEASE, 1, keys.sessions, nodeKey(node), epoch);
    },
    async find(node) {
      const text = await redis.hget(keys.sessions, nodeKey(node));
      if (text === null) return null;
      const session = parse(text);
      return (await living([session.coordinator])).has(session.coordinator) ? session : null;
    },
    async isNewest(node, epoch) {
      const text = await redis.hget(keys.sessions, nodeKey(node));
      return text !== null && parse(text).epoch === epoch;
    },
    async list() {
      const all = Object.entries(await redis.hgetall(keys.sessions)).map(
        ([node, text]) => [node, parse(text)] as const,
      );
      const alive = await living([...new Set(all.map(([, session]) => session.coordinator))]);
      return new Map(all.filter(([, session]) => alive.has(session.coordinator)));
    },
    async close() {
      clearInterval(timer);
      await redis.del(gatewayKeys.alive(coordinatorId));
    },
  };
};
