import { RemoraError } from '../errors.ts';
import { type SettingValue, settingRules } from '../settings.ts';

export const connectionModes = ['sniff', 'proxy'] as const;
export type ConnectionMode = (typeof connectionModes)[number];

function refuse(message: string): never {
  throw new RemoraError('bad-input', message);
}

/** Settings that have a flag of their own, by what follows the alias. */
const ownFlags: ReadonlyMap<string, string> = new Map([
  ['mode', '--mode'],
  ['seeds', '--seeds'],
  ['proxy_address', '--proxy-address'],
  ['server_name', '--server-name'],
  ['skip_unavailable', '--skip-unavailable'],
]);

/** Settings of a node for all of its connections, with their defaults: no alias has them, and no API changes them. */
const nodeSettings: ReadonlyMap<string, string> = new Map([
  ['initial_connect_timeout', '30s'],
  ['connections_per_cluster', '3'],
  ['node.attr', 'none'],
]);

/** As Elasticsearch holds it: 32 bits with a sign. */
const MAX_CONNECTIONS = 2_147_483_647;

const isCount = (text: string): boolean => /^[1-9]\d{0,9}$/.test(text) && Number(text) <= MAX_CONNECTIONS;
const oneOf =
  (...values: readonly string[]) =>
  (text: string): boolean =>
    values.includes(text);

/** Elasticsearch counts in milliseconds that fit into 64 bits. */
const isPingSchedule = (text: string): boolean => text === '-1' || /^[1-9]\d{0,8}(ms|s|m|h|d)$/.test(text);

interface ExtraSetting {
  readonly takes: string;
  readonly valid: (text: string) => boolean;
  /** The only mode that has it. */
  readonly mode?: ConnectionMode;
}

const COUNT = `a whole number from 1 to ${MAX_CONNECTIONS}`;

const extraSettings: ReadonlyMap<string, ExtraSetting> = new Map<string, ExtraSetting>([
  ['node_connections', { takes: COUNT, valid: isCount, mode: 'sniff' }],
  ['proxy_socket_connections', { takes: COUNT, valid: isCount, mode: 'proxy' }],
  ['transport.compress', { takes: 'true, false or indexing_data', valid: oneOf('true', 'false', 'indexing_data') }],
  ['transport.compression_scheme', { takes: 'lz4 or deflate', valid: oneOf('lz4', 'deflate') }],
  [
    'transport.ping_schedule',
    { takes: 'a duration like 30s (in ms, s, m, h or d), or -1 for no pings', valid: isPingSchedule },
  ],
]);

/** Checks one `--set KEY=VALUE`; throws `bad-input` that names what it takes, or where such a setting belongs. */
export const checkExtraSetting = (key: string, value: string, mode: ConnectionMode): void => {
  const flag = ownFlags.get(key);
  if (flag) refuse(`--set ${key} is not needed: use ${flag}.`);
  if (key === 'credentials')
    refuse('--set credentials is refused: Remora makes the key itself and puts it into the keystores.');
  const standard = nodeSettings.get(key);
  if (standard !== undefined)
    refuse(
      `--set ${key} is refused: cluster.remote.${key} is no setting of one connection but of a node, for all that it makes (by default ${standard}), and is read at its start only. Write it into elasticsearch.yml of each local node, then restart them with \`remora restart\`.`,
    );
  const rule = extraSettings.get(key);
  if (!rule || !settingRules.some(({ name }) => name === `cluster.remote.*.${key}`))
    refuse(`--set ${key}: there is no such setting. Known are ${[...extraSettings.keys()].join(', ')}.`);
  if (rule.mode && rule.mode !== mode)
    refuse(`--set ${key} belongs to ${rule.mode} mode, and this connection uses ${mode} mode.`);
  if (!rule.valid(value)) refuse(`--set ${key}=${value}: it takes ${rule.takes}.`);
};

/** What Elasticsearch takes where a setting is not there, of those that can be told. */
const defaults: Readonly<Record<string, string>> = { node_connections: '3', proxy_socket_connections: '18' };

const asSet = (value: SettingValue | undefined): string => JSON.stringify([...new Set([value ?? []].flat())].sort());

/**
 * Whether the change of a connection's setting (its name without the alias) closes all its connections and opens others: all but `skip_unavailable` do. Seeds are the same
 * in whatever order they stand. Undefined is a setting that is not there.
 */
export const reopensConnections = (
  name: string,
  before: SettingValue | undefined,
  after: SettingValue | undefined,
): boolean => {
  if (name === 'skip_unavailable') return false;
  if (name === 'seeds') return asSet(before) !== asSet(after);
  return String(before ?? defaults[name]) !== String(after ?? defaults[name]);
};
