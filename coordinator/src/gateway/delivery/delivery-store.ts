import type { OperationCall } from '@remora/shared/operations.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import type { Redis } from 'ioredis';
import type { NodeId } from '../../plan/node/node-id.ts';
import { keys } from '../../store/keys.ts';
import { HIGHEST_FENCE } from '../gateway-keys.ts';

/** A delivery at rest: secrets are references. */
export interface DeliveryRecord {
  readonly node: NodeId;
  readonly fence: number;
  readonly operations: readonly OperationCall[];
  readonly createdAt: string;
  /** How long an agent may begin it, in ms, by the clock of its driver; later it only goes on with what it began. Absent: as long as the delivery stands. */
  readonly freshForMs?: number;
  /** Set once: the first result wins. */
  readonly result?: Result;
}

/** Result of a change: a driver that takes the run over after a long stop still finds it. */
const RESULT_TTL_MS = 7 * 24 * 3600 * 1000;

/**
 * KEYS: delivery, meta. ARGV: record, fence, ttl in ms. Answers what stands there when it has a result already or a higher fence, else ''.
 * A driver that took the run over opens the same delivery again with its own fence; that an agent refused the fence of the driver before is no answer to
 * it. Nor is that the delivery came late: then it is opened again when its moment has come again. The highest fence is written before an agent can see it.
 */
const OPEN = `
local found = redis.call('GET', KEYS[1])
if found then
  local known = cjson.decode(found)
  local failure = known.result and known.result.error
  local code = type(failure) == 'table' and failure.code
  local stale = code == 'delivery-late' or (code == 'fence-stale' and known.fence < tonumber(ARGV[2]))
  if known.fence > tonumber(ARGV[2]) or (known.result and not stale) then return found end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
local highest = tonumber(redis.call('HGET', KEYS[2], '${HIGHEST_FENCE}') or '0')
if tonumber(ARGV[2]) > highest then redis.call('HSET', KEYS[2], '${HIGHEST_FENCE}', ARGV[2]) end
return ''`;

/** KEYS: delivery. ARGV: record with its result, ttl in ms; an empty ttl keeps the one that is left. Answers 1 when this result is the first. */
const RECORD = `
local found = redis.call('GET', KEYS[1])
if not found or cjson.decode(found).result then return 0 end
if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL') else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1`;

export interface DeliveryStore {
  /** Writes a delivery. Answers null when it stands, or the one that is there instead: with a result, or with a higher fence. */
  open(id: string, record: DeliveryRecord, ttlMs: number): Promise<DeliveryRecord | null>;
  load(id: string): Promise<DeliveryRecord | null>;
  /** The deliveries of these ids, in their order; null where one is unknown or expired. */
  loadAll(ids: readonly string[]): Promise<(DeliveryRecord | null)[]>;
  /** Answers whether it was the first result. */
  recordResult(id: string, record: DeliveryRecord, result: Result): Promise<boolean>;
  remove(id: string): Promise<void>;
  /** The highest fence that any agent may have seen from this store. */
  highestFence(): Promise<number>;
}

const parse = (text: string | null | undefined): DeliveryRecord | null =>
  text ? (JSON.parse(text) as DeliveryRecord) : null;

export const openDeliveryStore = (redis: Redis): DeliveryStore => ({
  async open(id, record, ttlMs) {
    const { fence } = record;
    return parse(
      (await redis.eval(OPEN, 2, keys.delivery(id), keys.meta, JSON.stringify(record), fence, ttlMs)) as string,
    );
  },
  load: async (id) => parse(await redis.get(keys.delivery(id))),
  async loadAll(ids) {
    return ids.length === 0 ? [] : (await redis.mget(ids.map(keys.delivery))).map(parse);
  },
  async recordResult(id, record, result) {
    const ttlMs = record.fence === 0 ? '' : RESULT_TTL_MS;
    const text = JSON.stringify({ ...record, result });
    return (await redis.eval(RECORD, 1, keys.delivery(id), text, ttlMs)) === 1;
  },
  async remove(id) {
    await redis.unlink(keys.delivery(id));
  },
  highestFence: async () => Number((await redis.hget(keys.meta, HIGHEST_FENCE)) ?? '0'),
});
