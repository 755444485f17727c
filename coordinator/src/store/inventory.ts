import type { Redis } from 'ioredis';
import { once } from '../audit/audit-lua.ts';
import type { AuditDraft } from '../audit/chain.ts';
import { AuditRecorder } from '../audit/recorder.ts';
import { systemClock } from '../clock.ts';
import type { CloudRecord } from '../cloud/record.ts';
import type { WebhookRecord } from '../notify/record.ts';
import type { AnyConnectionRecord } from '../plan/connection/connection-records.ts';
import type {
  ApiKeyRecord,
  CaRecord,
  CertificateRecord,
  ClusterRecord,
  DebtRecord,
  NodeRecord,
  RestartTimesRecord,
  SigningCertificateRecord,
  SigningRequestRecord,
} from '../plan/records.ts';
import type { DeploymentTrustRecord } from '../plan/trust/deployment-trust.ts';
import type { ScheduleRecord } from '../schedule/record.ts';
import { keys } from './keys.ts';

interface RecordedChange<T> {
  readonly record: T;
  readonly audit: AuditDraft;
}

/** A Redis hash of JSON records. With an entry for the audit log a change is recorded in the same step; what agents and steps of runs file has none. */
export interface Collection<T> {
  get(id: string): Promise<T | null>;
  put(id: string, record: T): Promise<void>;
  /** Writes only when there is none yet; answers whether it did. */
  add(id: string, record: T, audit: AuditDraft): Promise<boolean>;
  /**
   * Changes all of these records or none, but those for which `change` answers null; answers whether all were there. `change` may be called again, and nothing
   * is changed where it throws.
   */
  changeAll(ids: readonly string[], change: (record: T) => RecordedChange<T> | null): Promise<boolean>;
  /** Changes a record that is there without undoing what others write to it meanwhile; answers whether it was there. */
  change(id: string, change: (record: T) => T, audit?: AuditDraft): Promise<boolean>;
  remove(id: string, audit?: AuditDraft): Promise<boolean>;
  /** All records, ordered by id. */
  list(): Promise<T[]>;
}

/** KEYS: collection. ARGV: id, the record that was read, the record to write. Answers 1 unless another record stands there now. */
const REPLACE = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

/** The same, recorded, for several: these three ARGV for each. Where another record stands for one of them, nothing is changed. */
const RECORDED_REPLACE = once(`
local last = #ARGV - 2
for i = 1, last, 3 do
  if redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then return 0 end
end
for i = 1, last, 3 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end
record(last / 3)
return 1`);

/** KEYS: collection. ARGV: id, the record to write. Answers 1 unless there is one. */
const ADD = once(`
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
record(1)
return 1`);

/** KEYS: collection. ARGV: id. Answers 1 when it was there. */
const REMOVE = once(`
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
record(1)
return 1`);

const collection = <T>(redis: Redis, recorder: AuditRecorder, key: string): Collection<T> => ({
  async get(id) {
    const text = await redis.hget(key, id);
    return text === null ? null : (JSON.parse(text) as T);
  },
  async put(id, record) {
    await redis.hset(key, id, JSON.stringify(record));
  },
  async add(id, record, audit) {
    const script = { lua: ADD, keys: [key], args: [id, JSON.stringify(record)] };
    return (await recorder.once(redis, script, [audit])) === '1';
  },
  async change(id, change, audit) {
    for (;;) {
      const found = await redis.hget(key, id);
      if (found === null) return false;
      const changed = JSON.stringify(change(JSON.parse(found) as T));
      const script = { lua: RECORDED_REPLACE, keys: [key], args: [id, found, changed] };
      const answer = audit
        ? await recorder.once(redis, script, [audit])
        : await redis.eval(REPLACE, 1, key, ...script.args);
      if (Number(answer) === 1) return true;
    }
  },
  async changeAll(ids, change) {
    for (;;) {
      const found = ids.length === 0 ? [] : await redis.hmget(key, ...ids);
      const texts = found.filter((text) => text !== null);
      if (texts.length < ids.length) return false;
      const changes = ids.flatMap((id, i) => {
        const text = texts[i] ?? '';
        const changed = change(JSON.parse(text) as T);
        return changed === null ? [] : [{ audit: changed.audit, args: [id, text, JSON.stringify(changed.record)] }];
      });
      if (changes.length === 0) return true;
      const script = { lua: RECORDED_REPLACE, keys: [key], args: changes.flatMap(({ args }) => args) };
      const drafts = changes.map(({ audit }) => audit);
      if ((await recorder.once(redis, script, drafts)) === '1') return true;
    }
  },
  async remove(id, audit) {
    if (!audit) return (await redis.hdel(key, id)) === 1;
    return (await recorder.once(redis, { lua: REMOVE, keys: [key], args: [id] }, [audit])) === '1';
  },
  async list() {
    const all = await redis.hgetall(key);
    return Object.entries(all)
      .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
      .map(([, text]) => JSON.parse(text) as T);
  },
});

/** What Remora knows of the fleet: clusters by name, nodes by `CLUSTER/NODE`, connections by `LOCAL/ALIAS`, CAs by name. */
export interface InventoryRecords {
  readonly clusters: ClusterRecord;
  readonly nodes: NodeRecord;
  readonly connections: AnyConnectionRecord;
  readonly cas: CaRecord;
  /** By `CLUSTER/NODE/PURPOSE`. */
  readonly certificates: CertificateRecord;
  /** By `CLUSTER/NODE/ALIAS`. */
  readonly signingCertificates: SigningCertificateRecord;
  /** By id. */
  readonly signingRequests: SigningRequestRecord;
  /** By the reference of the secret that holds the key. */
  readonly apiKeys: ApiKeyRecord;
  /** By run. */
  readonly debts: DebtRecord;
  /** By `CLUSTER/NODE`. */
  readonly restartTimes: RestartTimesRecord;
  /** By name. */
  readonly schedules: ScheduleRecord;
  /** By name. */
  readonly clouds: CloudRecord;
  /** By `CLUSTER/CLOUD/DEPLOYMENT`. */
  readonly deploymentTrusts: DeploymentTrustRecord;
  /** There is one at most. */
  readonly webhooks: WebhookRecord;
}

export type Inventory = { readonly [N in keyof InventoryRecords]: Collection<InventoryRecords[N]> };

export const openInventory = (redis: Redis): Inventory => {
  const recorder = new AuditRecorder(systemClock);
  return {
    clusters: collection(redis, recorder, keys.clusters),
    nodes: collection(redis, recorder, keys.nodes),
    connections: collection(redis, recorder, keys.connections),
    cas: collection(redis, recorder, keys.cas),
    certificates: collection(redis, recorder, keys.certificates),
    signingCertificates: collection(redis, recorder, keys.signingCertificates),
    signingRequests: collection(redis, recorder, keys.signingRequests),
    apiKeys: collection(redis, recorder, keys.apiKeys),
    debts: collection(redis, recorder, keys.debts),
    restartTimes: collection(redis, recorder, keys.restartTimes),
    schedules: collection(redis, recorder, keys.schedules),
    clouds: collection(redis, recorder, keys.clouds),
    deploymentTrusts: collection(redis, recorder, keys.deploymentTrusts),
    webhooks: collection(redis, recorder, keys.webhooks),
  };
};
