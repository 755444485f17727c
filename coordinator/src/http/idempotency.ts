import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { keys } from '../store/keys.ts';
import type { App } from './app-types.ts';

const CLAIM_MS = 10_000;
const KEPT_SECONDS = 24 * 3600;
const POLL_MS = 200;

/** Only who wrote the value may touch it: a claim that was lost to a pause must not extend or delete its successor's. */
const EXTEND = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0`;
const DROP = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;
const FINISH = `if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2], 'EX', ARGV[3]) return 1 end return 0`;

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Entry {
  /** What the key was first used for; another use of it is refused. */
  readonly fingerprint: string;
  /** Unique to a claim. */
  readonly claim: string;
  /** Absent while the first request is still being answered. */
  readonly answer?: Answer;
}

interface Claim {
  finish(answer: Answer): Promise<void>;
  abandon(): Promise<void>;
}

/**
 * Takes the key, or answers what was answered before. While an earlier request with this key is being answered, waits for it: a claim is kept alive by its
 * holder and runs out when the holder died.
 */
const claim = async (redis: Redis, key: string, fingerprint: string): Promise<Claim | Answer> => {
  const entry: Entry = { fingerprint, claim: randomUUID() };
  const mine = JSON.stringify(entry);
  while ((await redis.set(key, mine, 'PX', CLAIM_MS, 'NX')) === null) {
    const text = await redis.get(key);
    const earlier = text === null ? null : (JSON.parse(text) as Entry);
    if (earlier !== null && earlier.fingerprint !== fingerprint) {
      throw new RemoraError('bad-input', 'This Idempotency-Key was used for another request already.', {
        hint: 'Make a new key for every request that is meant to do something new.',
      });
    }
    if (earlier?.answer) return earlier.answer;
    await sleep(POLL_MS);
  }
  const beat = setInterval(() => {
    redis.eval(EXTEND, 1, key, mine, CLAIM_MS).catch(() => undefined);
  }, CLAIM_MS / 3);
  return {
    async finish(answer) {
      clearInterval(beat);
      await redis.eval(FINISH, 1, key, mine, JSON.stringify({ ...entry, answer }), KEPT_SECONDS);
    },
    async abandon() {
      clearInterval(beat);
      await redis.eval(DROP, 1, key, mine);
    },
  };
};

const fingerprintOf = (request: FastifyRequest): string => {
  const body = request.routeOptions.config.idempotent === 'body' ? JSON.stringify(request.body) : '';
  return createHash('sha256').update(`${request.method} ${request.url}\n${body}`).digest('hex');
};

const keyOf = (request: FastifyRequest): string | null => {
  const header = request.headers['idempotency-key'];
  if (header === undefined || request.routeOptions.config.idempotent === undefined) return null;
  if (typeof header !== 'string' || !/^[\x21-\x7e]{8,128}$/.test(header)) {
    throw new RemoraError('bad-input', 'The Idempotency-Key header takes 8 to 128 printable characters.');
  }
  return keys.idempotency(createHash('sha256').update(`${request.actor}\n${header}`).digest('hex'));
};

/** The key that a route's own work may be bound to, so that even a crash between the work and its answer makes no second run. */
export const idempotencyKeyOf = (request: FastifyRequest): string | null => {
  const header = request.headers['idempotency-key'];
  return typeof header === 'string' ? header : null;
};

/**
 * The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header) on routes that opted in: a request that is sent again, because its answer was
 * lost, gets the first answer and changes nothing. Only answers of success are kept; what failed changed nothing and may be tried again.
 */
export const addIdempotency = (app: App, redis: Redis): void => {
  const claims = new WeakMap<FastifyRequest, Claim>();
  app.addHook('preHandler', async (request: FastifyRequest, reply: FastifyReply) => {
    const key = keyOf(request);
    if (key === null) return;
    const outcome = await claim(redis, key, fingerprintOf(request));
    if ('finish' in outcome) {
      claims.set(request, outcome);
      return;
    }
    const { status, body } = outcome;
    reply.header('idempotent-replayed', 'true').code(status);
    if (body !== '') reply.type('application/json; charset=utf-8');
    return reply.send(body);
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const held = claims.get(request);
    if (!held) return;
    claims.delete(request);
    if (reply.statusCode >= 400) await held.abandon();
    else await held.finish({ status: reply.statusCode, body: typeof payload === 'string' ? payload : '' });
  });
};
