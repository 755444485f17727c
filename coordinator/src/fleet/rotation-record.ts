import { hostname } from 'node:os';
import type { FleetRotationPhase } from '@remora/shared/model/fleet.ts';
import type { Redis } from 'ioredis';
import { once } from '../audit/audit-lua.ts';
import type { AuditDraft } from '../audit/chain.ts';
import { AuditRecorder } from '../audit/recorder.ts';
import type { Clock } from '../clock.ts';
import { keys } from '../store/keys.ts';

interface CaFacts {
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint256: string;
  /** ISO 8601. */
  readonly notAfter: string;
}

/** A rotation of the fleet CA that goes on; while there is one, the files of the next CA are in the data directory. */
export interface RotationRecord {
  readonly phase: FleetRotationPhase;
  /** Times are ISO 8601. */
  readonly startedAt: string;
  readonly startedBy: string;
  readonly phaseSince: string;
  /** The phase `renew` begins no earlier. */
  readonly switchAfter: string;
  readonly from: CaFacts;
  readonly to: CaFacts;
}

/** A record as it was read, so that a change is made of nothing else. */
export interface FoundRotation {
  readonly record: RotationRecord;
  readonly text: string;
}

/** KEYS: rotation. ARGV: record. Answers 1 unless there is one. */
const BEGIN = once(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
record(1)
return 1`);

/**
 * KEYS: rotation, nodes, meta. ARGV: record that was read, record to write or '' for none, what every agent must have done (`trust`, `renew`, `back`, or ''),
 * fingerprint of the new CA, where the store belongs to it from now on or ''. The agents are looked at in the same step: one may join at any moment.
 */
const ADVANCE = once(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'changed' end
local wanted, new = ARGV[3], ARGV[4]
local function trusts(node)
  for _, ca in ipairs(node.fleetCas or {}) do
    if ca == new then return true end
  end
  return false
end
local function done(node)
  if wanted == 'trust' then return trusts(node) end
  if wanted == 'renew' then return trusts(node) and node.certificateIssuer == new end
  local renewed = node.renewedCertificate
  return node.certificateIssuer ~= new and not (renewed and renewed.issuer == new)
end
if wanted ~= '' then
  for _, text in ipairs(redis.call('HVALS', KEYS[2])) do
    if not done(cjson.decode(text)) then return 'waits' end
  end
end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
if ARGV[5] ~= '' then redis.call('HSET', KEYS[3], 'fleetCaFingerprint', new, 'fleetCaFingerprintFrom', ARGV[5]) end
record(1)
return 'done'`);

const ACTION = 'fleet-ca';

export interface RotationRecords {
  find(): Promise<FoundRotation | null>;
  /** False when one goes on. */
  begin(record: RotationRecord): Promise<boolean>;
  /** Goes on to another phase once every agent has done what `when` says; answers whether it did. */
  enter(found: FoundRotation, phase: FleetRotationPhase, when: 'trust' | 'renew' | '', actor: string): Promise<boolean>;
  /** Ends a cancelled one once no agent holds a certificate of the new CA. */
  endCancelled(found: FoundRotation): Promise<boolean>;
  /** Ends one, and has the store belong to the new CA, which lies in this data directory. */
  end(found: FoundRotation, dataDir: string): Promise<boolean>;
  /** Forgets one whose CAs are both gone. */
  abandon(found: FoundRotation): Promise<boolean>;
}

export const rotationRecords = (redis: Redis, clock: Clock): RotationRecords => {
  const recorder = new AuditRecorder(clock);
  const advance = async (
    { record, text }: FoundRotation,
    change: { readonly to?: FleetRotationPhase; readonly when?: string; readonly home?: string },
    audit: Pick<AuditDraft, 'actor' | 'action' | 'detail'>,
  ): Promise<boolean> => {
    const { to, when = '', home = '' } = change;
    const next = to === undefined ? '' : JSON.stringify({ ...record, phase: to, phaseSince: clock().toISOString() });
    const script = {
      lua: ADVANCE,
      keys: [keys.fleetCaRotation, keys.nodes, keys.meta],
      args: [text, next, when, record.to.fingerprint256, home],
    };
    return (await recorder.once(redis, script, [{ ...audit, target: ACTION }])) === 'done';
  };
  return {
    async find() {
      const text = await redis.get(keys.fleetCaRotation);
      return text === null ? null : { text, record: JSON.parse(text) as RotationRecord };
    },
    async begin(record) {
      const detail = `${record.to.fingerprint256} takes the place of ${record.from.fingerprint256}`;
      const audit = { actor: record.startedBy, action: `${ACTION}.rotate`, target: ACTION, detail };
      const script = { lua: BEGIN, keys: [keys.fleetCaRotation], args: [JSON.stringify(record)] };
      return (await recorder.once(redis, script, [audit])) === '1';
    },
    enter: (found, phase, when, actor) =>
      advance(
        found,
        { to: phase, when },
        {
          ...{ actor, action: `${ACTION}.${phase}` },
          detail: phase === 'renew' && when === '' ? GONE_ON : whatBegins[phase],
        },
      ),
    endCancelled: (found) =>
      advance(found, { when: 'back' }, { actor: 'remora', action: `${ACTION}.cancelled`, detail: 'the old one stays' }),
    end: (found, dataDir) =>
      advance(
        found,
        { home: `${hostname()}:${dataDir}` },
        { actor: 'remora', action: `${ACTION}.rotated`, detail: `the fleet CA is ${found.record.to.fingerprint256}` },
      ),
    abandon: (found) =>
      advance(found, {}, { actor: 'remora', action: `${ACTION}.abandoned`, detail: 'the files of both CAs were gone' }),
  };
};

const GONE_ON = 'as asked for, without waiting until every agent trusts both: the new one signs and serves';

const whatBegins: Readonly<Record<FleetRotationPhase, string>> = {
  trust: 'agents are told to trust both',
  renew: 'every agent trusts both: the new one signs and serves',
  drop: 'every agent has a certificate of the new one: the old one goes',
  back: 'cancelled: the old one signs and serves',
};
