import { RemoraError } from '@remora/shared/errors.ts';
import { formatSecretReference, parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import type { Redis } from 'ioredis';
import { once, RECORD } from '../audit/audit-lua.ts';
import type { AuditDraft } from '../audit/chain.ts';
import { AuditRecorder, auditKeys } from '../audit/recorder.ts';
import type { Sealer } from './sealing.ts';

type SecretValue = Buffer | string;

/** What may be shown of a secret: never its value. */
export interface SecretSummary {
  readonly name: string;
  /** Ascending. */
  readonly versions: readonly number[];
  /** When the newest of them was written, ISO 8601. */
  readonly createdAt: string;
}

/** What the index keeps of a name; it outlives the versions, so that the number of a removed one is never given out again. */
interface IndexEntry {
  readonly latest: number;
  /** Version -> when it was written; an empty text is a version that was removed. */
  readonly versions: Readonly<Record<string, string>>;
}

const REMOVED = 'removed';
const TAKEN = 'taken';

/** The driver of a run, which may write only while nobody else has taken it. */
export interface Driver {
  /** Key of the run's hash. */
  readonly run: string;
  readonly fence: number;
}

/**
 * Writes a version unless it is there, and answers what is there then. One script, so of two writers one wins and both learn which.
 * Sent again, it finds its own value. A driver that was taken over writes nothing. KEYS: values, index, the run of a driver, audit. ARGV: name, version, sealed
 * value, time, fence of a driver, audit.
 */
const WRITE_ONCE = `${RECORD}
if #KEYS == 5 and redis.call('HGET', KEYS[3], 'fence') ~= ARGV[5] then return '${TAKEN}' end
local field = ARGV[1] .. '@' .. ARGV[2]
local present = redis.call('HGET', KEYS[1], field)
if present then return present end
local index = cjson.decode(redis.call('HGET', KEYS[2], ARGV[1]) or '{"latest":0,"versions":{}}')
if index.versions[ARGV[2]] then return '${REMOVED}' end
local elsewhere = moved()
if elsewhere then return elsewhere end
index.versions[ARGV[2]] = ARGV[4]
index.latest = math.max(index.latest, tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], field, ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], cjson.encode(index))
record(1)
return ARGV[3]`;

/** Removes every version of a name and marks them as removed. KEYS: values, index. ARGV: name. Answers how many there were. */
const REMOVE = once(`
local text = redis.call('HGET', KEYS[2], ARGV[1])
if not text then return 0 end
local index = cjson.decode(text)
local removed = 0
for version, _ in pairs(index.versions) do
  removed = removed + redis.call('HDEL', KEYS[1], ARGV[1] .. '@' .. version)
  index.versions[version] = ''
end
redis.call('HSET', KEYS[2], ARGV[1], cjson.encode(index))
if removed > 0 then record(1) end
return removed`);

const living = (entry: IndexEntry): number[] =>
  Object.entries(entry.versions)
    .filter(([, createdAt]) => createdAt !== '')
    .map(([version]) => Number(version))
    .sort((a, b) => a - b);

/**
 * Secrets in Redis, sealed. A version is immutable: once it is written, every reader for ever gets the same value or learns that it was removed.
 * Two hashes: `PREFIXsecrets` has `NAME@VERSION` -> sealed value, `PREFIXsecrets:index` has NAME -> versions.
 */
export class SecretStore {
  readonly #redis: Redis;
  readonly #sealer: Sealer;
  readonly #values: string;
  readonly #index: string;
  readonly #now: () => Date;
  readonly #audit: AuditRecorder;
  readonly #onValue: (value: Buffer, reference: string) => void;

  constructor(
    redis: Redis,
    sealer: Sealer,
    options: {
      readonly prefix?: string;
      readonly now?: () => Date;
      /** Called with every value that is read, so that logs can be kept clean of it. */
      readonly onValue?: (value: Buffer, reference: string) => void;
    } = {},
  ) {
    this.#redis = redis;
    this.#sealer = sealer;
    this.#values = `${options.prefix ?? 'remora:'}secrets`;
    this.#index = `${this.#values}:index`;
    this.#now = options.now ?? (() => new Date());
    this.#audit = new AuditRecorder(this.#now);
    this.#onValue = options.onValue ?? (() => undefined);
  }

  /**
   * The value of exactly this version, made by `make` when it was never written. Callers that race get the same value, the one that was written first.
   * Throws `conflict` when the version was removed, and `fence-stale` when the driver was taken over.
   */
  async mint(
    name: string,
    version: number,
    make: () => SecretValue | Promise<SecretValue>,
    driver?: Driver,
  ): Promise<Buffer> {
    const reference = checkedReference(name, version);
    const present = await this.#redis.hget(this.#values, `${name}@${version}`);
    if (present !== null) return this.#open(present, reference);
    const stored = await this.#writeOnce(name, version, this.#sealer.seal(await make(), reference), [], driver);
    return this.#open(stored, reference);
  }

  /**
   * Writes a value as the next version and answers its reference (`secret:NAME@VERSION`). With the name of whoever sets it, that is recorded in the audit log;
   * values that Remora makes, or keeps for something else that is recorded, have none.
   */
  async put(name: string, value: SecretValue, actor?: string): Promise<string> {
    for (;;) {
      const version = (await this.latestVersion(name)) + 1;
      const reference = checkedReference(name, version);
      const sealed = this.#sealer.seal(value, reference);
      // Somebody else may have taken the number meanwhile; their value stays and ours gets the next one.
      const audit =
        actor === undefined ? [] : [{ actor, action: 'secret.set', target: name, detail: `version ${version}` }];
      if ((await this.#writeOnce(name, version, sealed, audit)) === sealed) return reference;
    }
  }

  /** The value behind `secret:NAME@VERSION`, or the latest one behind `secret:NAME`. Throws `not-found`. */
  async get(reference: string): Promise<Buffer> {
    const { name, version } = parseSecretReference(reference);
    const wanted = version ?? living(await this.#entry(name)).at(-1);
    const sealed = wanted === undefined ? null : await this.#redis.hget(this.#values, `${name}@${wanted}`);
    if (sealed === null || wanted === undefined) {
      throw new RemoraError('not-found', `${reference} is not in the store.`, {
        hint: `Store it with \`remora secrets set ${name} --file -\`; \`remora secrets list\` shows which there are.`,
      });
    }
    return this.#open(sealed, formatSecretReference({ name, version: wanted }));
  }

  /** The highest version number that the name ever had, removed ones included; 0 for a name that was never used. */
  async latestVersion(name: string): Promise<number> {
    return (await this.#entry(name)).latest;
  }

  /** Every secret that has a version, ordered by name; never a value. */
  async list(): Promise<SecretSummary[]> {
    const all = await this.#redis.hgetall(this.#index);
    return Object.entries(all)
      .map(([name, text]) => ({ name, entry: JSON.parse(text) as IndexEntry }))
      .map(({ name, entry }) => ({ name, entry, versions: living(entry) }))
      .filter(({ versions }) => versions.length > 0)
      .map(({ name, entry, versions }) => ({
        name,
        versions,
        createdAt: entry.versions[String(versions.at(-1))] ?? '',
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The newest version of each secret, as planners look at them: one that was removed shows its last number below zero. */
  async versions(): Promise<Record<string, number>> {
    const all = await this.#redis.hgetall(this.#index);
    return Object.fromEntries(
      Object.entries(all).map(([name, text]) => {
        const entry = JSON.parse(text) as IndexEntry;
        return [name, living(entry).at(-1) ?? -entry.latest];
      }),
    );
  }

  /** Removes all versions; answers whether there were any. Their numbers are not used again. Recorded with the name of whoever removes it. */
  async remove(name: string, actor?: string): Promise<boolean> {
    const audit = actor === undefined ? [] : [{ actor, action: 'secret.remove', target: name }];
    const script = { lua: REMOVE, keys: [this.#values, this.#index], args: [name] };
    return Number(await this.#audit.once(this.#redis, script, audit)) > 0;
  }

  #open(sealed: string, reference: string): Buffer {
    const value = this.#sealer.open(sealed, reference);
    this.#onValue(value, reference);
    return value;
  }

  async #entry(name: string): Promise<IndexEntry> {
    const text = await this.#redis.hget(this.#index, name);
    return text === null ? { latest: 0, versions: {} } : (JSON.parse(text) as IndexEntry);
  }

  async #writeOnce(
    name: string,
    version: number,
    sealed: string,
    audit: readonly AuditDraft[] = [],
    driver?: Driver,
  ): Promise<string> {
    const from = [this.#values, this.#index, ...(driver ? [driver.run] : []), ...auditKeys];
    const args = [name, String(version), sealed, this.#now().toISOString(), ...(driver ? [String(driver.fence)] : [])];
    const stored = String(
      await this.#audit.record(audit, (chained) =>
        this.#redis.eval(WRITE_ONCE, from.length, ...from, ...args, ...chained),
      ),
    );
    if (stored === TAKEN)
      throw new RemoraError('fence-stale', 'Another coordinator drives the run that was to write this secret.');
    if (stored !== REMOVED) return stored;
    throw new RemoraError(
      'conflict',
      `${formatSecretReference({ name, version })} was removed and cannot be written again.`,
      {
        hint: 'Make a new plan, which gives it a new version.',
      },
    );
  }
}

/** A reference that is also the context under which the value is sealed; checks name and version on the way. */
const checkedReference = (name: string, version: number): string => {
  const reference = formatSecretReference({ name, version });
  parseSecretReference(reference);
  return reference;
};
