import type { Redis } from 'ioredis';
import type {
  ApiKeyRecord,
  CaRecord,
  CertificateRecord,
  ClusterRecord,
  ConnectionRecord,
  NodeRecord,
} from '../plan/records.ts';
import { keys } from './keys.ts';

/** A Redis hash of JSON records. */
export interface Collection<T> {
  get(id: string): Promise<T | null>;
  put(id: string, record: T): Promise<void>;
  /** Writes only when there is none yet; answers whether it did. */
  add(id: string, record: T): Promise<boolean>;
  /** Changes a record that is there without undoing what others write to it meanwhile; answers whether it was there. */
  change(id: string, change: (record: T) => T): Promise<boolean>;
  remove(id: string): Promise<boolean>;
  /** All records, ordered by id. */
  list(): Promise<T[]>;
}

/** KEYS: collection. ARGV: id, the record that was read, the record to write. Answers 1 unless another record stands there now. */
const REPLACE = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

const collection = <T>(redis: Redis, key: string): Collection<T> => ({
  async get(id) {
    const text = await redis.hget(key, id);
    return text === null ? null : (JSON.parse(text) as T);
  },
  async put(id, record) {
    await redis.hset(key, id, JSON.stringify(record));
  },
  add: async (id, record) => (await redis.hsetnx(key, id, JSON.stringify(record))) === 1,
  async change(id, change) {
    for (;;) {
      const found = await redis.hget(key, id);
      if (found === null) return false;
      const changed = JSON.stringify(change(JSON.parse(found) as T));
      if ((await redis.eval(REPLACE, 1, key, id, found, changed)) === 1) return true;
    }
  },
  remove: async (id) => (await redis.hdel(key, id)) === 1,
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
  readonly connections: ConnectionRecord;
  readonly cas: CaRecord;
  /** By `CLUSTER/NODE/PURPOSE`. */
  readonly certificates: CertificateRecord;
  /** By the reference of the secret that holds the key. */
  readonly apiKeys: ApiKeyRecord;
}

export type Inventory = { readonly [N in keyof InventoryRecords]: Collection<InventoryRecords[N]> };

export const openInventory = (redis: Redis): Inventory => ({
  clusters: collection(redis, keys.clusters),
  nodes: collection(redis, keys.nodes),
  connections: collection(redis, keys.connections),
  cas: collection(redis, keys.cas),
  certificates: collection(redis, keys.certificates),
  apiKeys: collection(redis, keys.apiKeys),
});

export const nodeKey = ({ cluster, node }: { readonly cluster: string; readonly node: string }): string =>
  `${cluster}/${node}`;
