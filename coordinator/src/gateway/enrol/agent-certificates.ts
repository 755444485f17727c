import { createHash, X509Certificate } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { renewalProof } from '@remora/shared/protocol/enrol.ts';
import type { Renew } from '@remora/shared/protocol/session.ts';
import type { Redis } from 'ioredis';
import { once } from '../../audit/audit-lua.ts';
import { AuditRecorder } from '../../audit/recorder.ts';
import { systemClock } from '../../clock.ts';
import { verifyProofOfPossession } from '../../pki/proof-of-possession.ts';
import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import { keys } from '../../store/keys.ts';
import type { NodeRecord } from '../../store/records.ts';
import { gatewayKeys } from '../gateway-keys.ts';
import { fingerprintOf, type Peer } from '../session/admission.ts';

/** Makes a client certificate for an agent's public key, as long as this coordinator makes them. */
export type IssueAgentCertificate = (request: { readonly publicKeyPem: string; readonly id: string }) => {
  readonly certificatePem: string;
  /** SHA-256 of the fleet CA that signed it. */
  readonly issuer: string;
};

/** Which certificates agents may come with, and how one takes the place of another. */
export interface AgentCertificates {
  /** `CLUSTER/NODE` of a certificate that is on record. */
  nodeOf(fingerprint: string): Promise<string | null>;
  /**
   * Answers a certificate for a new key; the same one where the same key asks again and the same CA signs. It is on record beside the one in use. Throws
   * `protocol-violation` for a key that the agent does not hold, `not-allowed` for an agent whose certificate is no longer on record, `conflict` for a session
   * that is not the newest.
   */
  renew(session: { readonly peer: Peer; readonly epoch: number }, request: Renew): Promise<string>;
  /** A session was opened with this certificate: where it was issued by a renewal, the one before ends. */
  settle(peer: Peer): Promise<void>;
  /** Takes all certificates and the session of a node from the record. */
  revoke(node: NodeId): Promise<void>;
}

/**
 * KEYS: agent certificates, sessions, nodes. ARGV: CLUSTER/NODE, fingerprint shown, epoch, record that was read, record to write, new fingerprint, fingerprint
 * of an earlier renewal that was never used, or ''. The epoch is a fence: what an older session asked for must not take the place of what a newer one was given.
 */
const RENEW = once(`
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[1] then return 'revoked' end
local session = redis.call('HGET', KEYS[2], ARGV[1])
if not session or cjson.decode(session).epoch ~= tonumber(ARGV[3]) then return 'superseded' end
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[4] then return 'changed' end
if ARGV[7] ~= '' then redis.call('HDEL', KEYS[1], ARGV[7]) end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[5])
redis.call('HSET', KEYS[1], ARGV[6], ARGV[1])
record(1)
return 'done'`);

/** KEYS: agent certificates, nodes. ARGV: CLUSTER/NODE, record that was read, record to write, fingerprint that ends or ''. */
const SETTLE = `
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
if ARGV[4] ~= '' then redis.call('HDEL', KEYS[1], ARGV[4]) end
return 1`;

/** KEYS: agent certificates, then hashes by node. ARGV: CLUSTER/NODE. In one step, or a renewal at this instant would stay. */
const REVOKE = `
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i + 1] == ARGV[1] then redis.call('HDEL', KEYS[1], all[i]) end
end
for i = 2, #KEYS do redis.call('HDEL', KEYS[i], ARGV[1]) end
return 1`;

const publicKeyDigest = (pem: string): string => createHash('sha256').update(pem.trim()).digest('hex');

const checkProof = ({ cluster, node }: NodeId, { publicKeyPem, signature }: Renew): void => {
  const message = renewalProof(cluster, node, publicKeyPem);
  if (verifyProofOfPossession({ publicKeyPem, message, signature })) return;
  throw new RemoraError(
    'protocol-violation',
    'the agent did not prove that it holds the private key of its public key',
  );
};

const refusals: Readonly<Record<string, RemoraError>> = {
  revoked: new RemoraError('not-allowed', "The agent's certificate was revoked."),
  superseded: new RemoraError('conflict', 'A newer session of this agent was opened.'),
};

/** The record once a session was opened with this certificate; the same one when that changes nothing. */
const settledRecord = (record: NodeRecord, peer: Pick<Peer, 'fingerprint' | 'life' | 'issuer'>): NodeRecord => {
  const { renewedCertificate, ...rest } = record;
  const shown = { certificateLife: peer.life, certificateIssuer: peer.issuer };
  if (renewedCertificate?.fingerprint === peer.fingerprint) {
    return { ...rest, ...shown, certificateFingerprint: peer.fingerprint };
  }
  const isKept = record.certificateLife && record.certificateIssuer === peer.issuer;
  if (record.certificateFingerprint !== peer.fingerprint || isKept) return record;
  return { ...record, ...shown };
};

export const agentCertificates = (redis: Redis, issue: IssueAgentCertificate): AgentCertificates => {
  const recorder = new AuditRecorder(systemClock);
  const recordOf = async (node: string): Promise<{ text: string; record: NodeRecord } | null> => {
    const text = await redis.hget(keys.nodes, node);
    return text === null ? null : { text, record: JSON.parse(text) as NodeRecord };
  };

  /** Issues and files; null when the record was changed meanwhile. */
  const tryRenew = async (peer: Peer, epoch: number, publicKeyPem: string): Promise<string | null> => {
    const id = nodeKey(peer.node);
    const found = await recordOf(id);
    if (!found) throw refusals.revoked;
    const { renewedCertificate: unused, ...record } = found.record;
    const publicKey = publicKeyDigest(publicKeyPem);
    const { certificatePem, issuer } = issue({ publicKeyPem, id });
    if (unused?.publicKey === publicKey && (unused.issuer ?? issuer) === issuer) return unused.certificatePem;
    const fingerprint = fingerprintOf(new X509Certificate(certificatePem));
    const next: NodeRecord = { ...record, renewedCertificate: { fingerprint, publicKey, certificatePem, issuer } };
    const args = [id, peer.fingerprint, epoch, found.text, JSON.stringify(next), fingerprint];
    const answer = await recorder.once(
      redis,
      {
        lua: RENEW,
        keys: [keys.agentCertificates, keys.sessions, keys.nodes],
        args: [...args, unused?.fingerprint ?? ''],
      },
      [{ actor: `agent ${id}`, action: 'node.renew', target: id, detail: `certificate ${fingerprint}` }],
    );
    if (refusals[answer]) throw refusals[answer];
    return answer === 'done' ? certificatePem : null;
  };

  return {
    nodeOf: (fingerprint) => redis.hget(keys.agentCertificates, fingerprint),
    async renew({ peer, epoch }, request) {
      checkProof(peer.node, request);
      for (;;) {
        const certificatePem = await tryRenew(peer, epoch, request.publicKeyPem);
        if (certificatePem !== null) return certificatePem;
      }
    },
    async settle(peer) {
      const id = nodeKey(peer.node);
      for (;;) {
        const found = await recordOf(id);
        const next = found && settledRecord(found.record, peer);
        if (!found || next === found.record) return;
        const before = found.record.certificateFingerprint;
        const args = [id, found.text, JSON.stringify(next), before === peer.fingerprint ? '' : before];
        if ((await redis.eval(SETTLE, 2, keys.agentCertificates, keys.nodes, ...args)) === 1) return;
      }
    },
    async revoke(node) {
      const hashes = [keys.agentCertificates, keys.sessions, gatewayKeys.unverified, gatewayKeys.refused];
      await redis.eval(REVOKE, hashes.length, ...hashes, nodeKey(node));
    },
  };
};
