import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { formatJoinToken } from '@remora/shared/protocol/join-token.ts';
import type { Redis } from 'ioredis';
import { once } from '../../audit/audit-lua.ts';
import { AuditRecorder } from '../../audit/recorder.ts';
import { systemClock } from '../../clock.ts';
import { nodeKey } from '../../plan/node/node-id.ts';
import { keys } from '../../store/keys.ts';
import type { NodeRecord } from '../../store/records.ts';
import { gatewayKeys } from '../gateway-keys.ts';

const SECRET_BYTES = 32;
const ID_BYTES = 9;
const MAX_TTL_MS = 30 * 24 * 3600 * 1000;
const MAX_USES = 10_000;

/** A token that was shown and holds; nothing is spent yet. */
export interface HeldToken {
  readonly id: string;
  readonly cluster: string;
  /** The certificate that a join with this public key got before, PEM; null at its first join. */
  readonly joinedBefore: string | null;
}

interface JoinWrite {
  readonly token: HeldToken;
  readonly publicKeyPem: string;
  readonly certificatePem: string;
  readonly record: NodeRecord;
  /** `node.name` when the node could not be looked up in its cluster yet, null when it was. */
  readonly unverifiedName: string | null;
}

export interface JoinTokens {
  /** Throws `bad-input` for a life or a number of uses that is not sensible, `not-found` for an unknown cluster. */
  create(request: {
    readonly cluster: string;
    readonly ttlMs: number;
    readonly uses: number;
    /** Who wants it, for the audit log; Remora itself when absent. */
    readonly actor?: string;
  }): Promise<{ readonly token: string; readonly expiresAt: string }>;
  /** Throws `join-token`, always with the same sentence: a guesser learns nothing. */
  hold(id: string, secret: string, publicKeyPem: string): Promise<HeldToken>;
  /** Spends one use and records node and certificate in one step; the node's earlier certificate is gone with it. Throws `join-token`. */
  spend(write: JoinWrite): Promise<void>;
}

/**
 * KEYS: token, nodes, agent certificates, unverified. ARGV: field of the public key, CLUSTER/NODE, record, fingerprint, certificate, unverified name or ''.
 * A command that is sent again after a lost reply finds its own certificate and changes nothing.
 */
const SPEND = once(`
local joined = redis.call('HGET', KEYS[1], ARGV[1])
if joined == ARGV[5] then return 1 end
local uses = tonumber(redis.call('HGET', KEYS[1], 'uses') or '0')
if uses < 1 then return 0 end
redis.call('HSET', KEYS[1], 'uses', uses - 1, ARGV[1], ARGV[5])
local before = redis.call('HGET', KEYS[2], ARGV[2])
if before then
  local known = cjson.decode(before)
  redis.call('HDEL', KEYS[3], known.certificateFingerprint)
  if known.renewedCertificate then redis.call('HDEL', KEYS[3], known.renewedCertificate.fingerprint) end
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[4], ARGV[2])
if ARGV[6] == '' then redis.call('HDEL', KEYS[4], ARGV[2]) else redis.call('HSET', KEYS[4], ARGV[2], ARGV[6]) end
record(1)
return 1`);

/** KEYS: token. ARGV: cluster, hash of the secret, uses, end in ms since 1970. */
const CREATE = once(`
redis.call('HSET', KEYS[1], 'cluster', ARGV[1], 'secretHash', ARGV[2], 'uses', ARGV[3])
redis.call('PEXPIREAT', KEYS[1], ARGV[4])
record(1)
return 1`);

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
const joinField = (publicKeyPem: string): string => `join:${sha256(publicKeyPem.trim()).toString('hex')}`;

const refused = (): RemoraError => new RemoraError('join-token', 'The join token is unknown, expired or used up.');

const checkRequest = ({ ttlMs, uses }: { readonly ttlMs: number; readonly uses: number }): void => {
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 1000 || ttlMs > MAX_TTL_MS) {
    throw new RemoraError('bad-input', 'A join token lives for at least 1s and at most 30d.');
  }
  if (!Number.isSafeInteger(uses) || uses < 1 || uses > MAX_USES) {
    throw new RemoraError('bad-input', `A join token has 1 to ${MAX_USES} uses.`);
  }
};

/**
 * One-time tokens: a hash {cluster, secretHash, uses, join:KEY = certificate} that Redis expires with the token. Of the secret only its SHA-256 is kept:
 * with 256 random bits there is nothing to guess, so a slow hash would add nothing.
 */
export const joinTokens = (parts: {
  readonly redis: Redis;
  readonly url: string;
  /** Of the CA that will be left when a rotation has ended. */
  readonly caFingerprint: () => string;
  readonly clusterExists: (name: string) => Promise<boolean>;
}): JoinTokens => {
  const recorder = new AuditRecorder(systemClock);
  return {
    async create({ cluster, ttlMs, uses, actor = 'remora' }) {
      checkRequest({ ttlMs, uses });
      if (!(await parts.clusterExists(cluster))) {
        throw new RemoraError('not-found', `There is no cluster "${cluster}".`, {
          hint: 'See `remora clusters list`, or add it with `remora clusters add`.',
        });
      }
      const id = randomBytes(ID_BYTES).toString('base64url');
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const expiresAtMs = Date.now() + ttlMs;
      const expiresAt = new Date(expiresAtMs).toISOString();
      const args = [cluster, sha256(secret).toString('hex'), uses, expiresAtMs];
      const detail = `token ${id}, ${uses === 1 ? 'one use' : `${uses} uses`}, until ${expiresAt}`;
      const audit = { actor, action: 'token.create', target: cluster, detail };
      await recorder.once(parts.redis, { lua: CREATE, keys: [keys.token(id)], args }, [audit]);
      const token = formatJoinToken({ url: parts.url, caFingerprint: parts.caFingerprint(), id, secret });
      return { token, expiresAt };
    },
    async hold(id, secret, publicKeyPem) {
      const found = /^[A-Za-z0-9_-]{1,64}$/.test(id) ? await parts.redis.hgetall(keys.token(id)) : {};
      const { cluster, secretHash = '', uses = '0' } = found;
      const expected = Buffer.alloc(SECRET_BYTES);
      expected.write(secretHash, 'hex');
      const joinedBefore = found[joinField(publicKeyPem)] ?? null;
      if (!timingSafeEqual(sha256(secret), expected) || !cluster) throw refused();
      if (Number(uses) < 1 && joinedBefore === null) throw refused();
      return { id, cluster, joinedBefore };
    },
    async spend({ token, publicKeyPem, certificatePem, record, unverifiedName }) {
      const id = nodeKey({ cluster: record.cluster, node: record.node });
      const from = [keys.token(token.id), keys.nodes, keys.agentCertificates, gatewayKeys.unverified];
      const values = [id, JSON.stringify(record), record.certificateFingerprint, certificatePem, unverifiedName ?? ''];
      const script = { lua: SPEND, keys: from, args: [joinField(publicKeyPem), ...values] };
      const detail = `certificate ${record.certificateFingerprint}`;
      const audit = { actor: `token ${token.id}`, action: 'node.join', target: id, detail };
      if ((await recorder.once(parts.redis, script, [audit])) !== '1') throw refused();
    },
  };
};
