import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { gatewayKeys } from '../gateway-keys.ts';
import type { GatewayLog } from '../gateway-log.ts';

/** An agent whose certificate was not accepted lately, by whichever coordinator. */
export interface TurnedAway {
  /** CLUSTER/NODE that the certificate was issued for. */
  readonly who: string;
  /** Its address, without the port. */
  readonly from: string;
  /** ISO 8601: the last time. */
  readonly at: string;
  readonly reason: string;
  /** What a person can do about it. */
  readonly hint: string;
}

/** It comes again within 45 s; one that does not is gone. */
const KEPT_MS = 3 * 60_000;
/** Enough for people to see what goes on; the rest is in the logs. */
const MOST_KEPT = 100;

/** KEYS: the hash. ARGV: field, JSON, most. The oldest one goes for one too many. */
const NOTE = `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('HLEN', KEYS[1]) <= tonumber(ARGV[3]) then return 0 end
local all = redis.call('HGETALL', KEYS[1])
local oldest, at = nil, nil
for i = 1, #all, 2 do
  local when = cjson.decode(all[i + 1]).at
  if oldest == nil or when < at then oldest, at = all[i], when end
end
return redis.call('HDEL', KEYS[1], oldest)`;

const fieldOf = (who: string, from: string): string => `${who} ${from}`;

export interface TurnedAways {
  /** One that cannot be noted is logged. */
  note(who: string, from: string, error: unknown): void;
  /** An agent of that node was let in from there. */
  forget(who: string, from: string): Promise<void>;
  list(): Promise<TurnedAway[]>;
}

export const openTurnedAways = (redis: Redis, log: GatewayLog): TurnedAways => ({
  note(who, from, error) {
    const hint = (error instanceof RemoraError && error.hint) || 'See the log of the coordinator.';
    const noted: TurnedAway = { who, from, at: new Date().toISOString(), reason: messageOf(error), hint };
    redis
      .eval(NOTE, 1, gatewayKeys.turnedAway, fieldOf(who, from), JSON.stringify(noted), MOST_KEPT)
      .catch((cause: unknown) => log.warn({ who, reason: messageOf(cause) }, 'a refused agent could not be noted'));
  },
  async forget(who, from) {
    await redis.hdel(gatewayKeys.turnedAway, fieldOf(who, from));
  },
  async list() {
    const all = Object.values(await redis.hgetall(gatewayKeys.turnedAway)).map(
      (text) => JSON.parse(text) as TurnedAway,
    );
    return all
      .filter(({ at }) => Math.abs(Date.now() - Date.parse(at)) < KEPT_MS)
      .sort((a, b) => a.who.localeCompare(b.who));
  },
});
