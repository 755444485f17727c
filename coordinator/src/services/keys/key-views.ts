import type { KeyList, KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { ConnectionRecord } from '../../plan/connection/connection-records.ts';
import {
  accessInWords,
  type ClusterKey,
  isKeyMostlyOver,
  isLiving,
  markOf,
  sameAccess,
} from '../../plan/keys/cluster-key.ts';
import { handedTo } from '../../plan/keys/handed-key.ts';
import { shortHash } from '../../plan/keys/key-names.ts';
import type { ApiKeyRecord } from '../../plan/records.ts';

/** What the clusters say of their cross-cluster keys, and what is on record. */
export interface KeyListFacts {
  /** By cluster; a sentence where it could not be asked. */
  readonly clusters: ReadonlyMap<string, readonly ClusterKey[] | string>;
  readonly connections: readonly ConnectionRecord[];
  readonly records: readonly ApiKeyRecord[];
  readonly nowMs: number;
}

type Finding = readonly [Exclude<KeyView['level'], 'ok'>, string];

const iso = (ms: number): string => new Date(ms).toISOString();
const rotate = ({ local, alias }: Pick<ConnectionRecord, 'local' | 'alias'>): string =>
  `\`remora api-keys rotate ${local} ${alias}\``;
const nameOf = ({ local, alias }: ConnectionRecord): string => `${local}/${alias}`;

/** Somebody changed the key after Remora did. */
const driftOf = (key: ClusterKey, one: ConnectionRecord, record: ApiKeyRecord): Finding[] => {
  if (!sameAccess(key.access, one.access))
    return [
      [
        'warning',
        `It was changed by somebody: for ${nameOf(one)} it shall grant ${accessInWords(one.access)}. ${rotate(one)} makes one that does.`,
      ],
    ];
  return markOf(key)?.config === shortHash(record.configHash)
    ? []
    : [['warning', `Its metadata was changed by somebody. ${rotate(one)} makes one that has what is on record.`]];
};

const usedFindings = (key: ClusterKey, one: ConnectionRecord, record: ApiKeyRecord, nowMs: number): Finding[] => {
  const another = `${nameOf(one)} does not work with it: ${rotate(one)} gives it another.`;
  if (key.invalidated) return [['critical', `It was invalidated. ${another}`]];
  if (!isLiving(key, nowMs)) return [['critical', `It has ended. ${another}`]];
  const ends: Finding[] = isKeyMostlyOver(key, nowMs)
    ? [['warning', `It ends at ${iso(key.expiresAtMs ?? 0)}, and ${nameOf(one)} with it: ${rotate(one)} replaces it.`]]
    : [];
  return [...ends, ...driftOf(key, one, record)];
};

/** A key that was made for others, whose nodes nobody here can see. */
const handedFindings = (
  cluster: string,
  key: ClusterKey,
  whom: string,
  records: readonly ApiKeyRecord[],
  nowMs: number,
): Finding[] => {
  const record = records.find((one) => one.cluster === cluster && one.id === key.id);
  const revoke = `\`remora api-keys revoke ${cluster} --for ${whom}\``;
  if (record === undefined)
    return [
      [
        'warning',
        `It was made for ${whom} and is not on record here: unless another coordinator has it, ${revoke} ends it.`,
      ],
    ];
  return isKeyMostlyOver(key, nowMs)
    ? [
        [
          'warning',
          `It ends at ${iso(key.expiresAtMs ?? 0)}: make another under another name with \`remora api-keys create ${cluster} --for NAME\`, have ${whom} use it, then ${revoke}.`,
        ],
      ]
    : [];
};

/** A key that Remora made and that is in use nowhere as far as is known: of an earlier rotation, or of a crash. */
const unusedFindings = (cluster: string, key: ClusterKey, { connections, records, nowMs }: KeyListFacts): Finding[] => {
  const mark = markOf(key);
  if (mark === null) return [];
  if (mark.for !== undefined) return handedFindings(cluster, key, mark.for, records, nowMs);
  const one = connections.find(
    ({ local, alias, remote }) => remote === cluster && local === mark.local && alias === mark.alias,
  );
  return [
    [
      'warning',
      one
        ? `${nameOf(one)}, for which it was made, has another key on record: ${rotate(one)} goes on with it or invalidates it.`
        : `It was made for ${mark.local}/${mark.alias}, which is not on record here: unless another coordinator has that, invalidate it by hand (DELETE /_security/api_key).`,
    ],
  ];
};

const viewOf = (cluster: string, key: ClusterKey, facts: KeyListFacts): KeyView => {
  const { connections, records, nowMs } = facts;
  const record = records.find((one) => one.cluster === cluster && one.id === key.id);
  const whom = handedTo(key);
  const used = record ? connections.filter(({ keySecret }) => keySecret === record.secret) : [];
  const findings =
    record && used.length > 0
      ? used.flatMap((one) => usedFindings(key, one, record, nowMs))
      : isLiving(key, nowMs)
        ? unusedFindings(cluster, key, facts)
        : [];
  return {
    ...{ cluster, id: key.id, name: key.name, invalidated: key.invalidated, owner: key.owner },
    expiresAt: key.expiresAtMs === null ? null : iso(key.expiresAtMs),
    connections: used.map(nameOf),
    ...(whom === null ? {} : { for: whom }),
    createdAt: iso(key.createdAtMs),
    access: accessInWords(key.access),
    managed: markOf(key) !== null,
    level: findings.some(([level]) => level === 'critical') ? 'critical' : findings.length > 0 ? 'warning' : 'ok',
    findings: findings.map(([, sentence]) => sentence),
  };
};

/** Keys that connections have on record and that a cluster which answered does not know. */
export const goneKeys = ({
  clusters,
  connections,
  records,
}: KeyListFacts): { readonly cluster: string; readonly sentence: string }[] =>
  connections.flatMap((one) => {
    const keys = clusters.get(one.remote);
    const record = records.find(({ secret }) => secret === one.keySecret);
    if (typeof keys !== 'object' || !record || keys.some(({ id }) => id === record.id)) return [];
    const sentence = `${nameOf(one)} has API key ${record.name} (${record.id}) on record, which cluster ${one.remote} does not know (any more): ${rotate(one)} gives it another.`;
    return [{ cluster: one.remote, sentence }];
  });

const isFirst = (key: KeyView): number => (key.invalidated ? 1 : 0);

/** All keys, those that are valid first, the one that ends next before the others. */
export const keyViews = (facts: KeyListFacts): KeyList => {
  const views = [...facts.clusters].flatMap(([cluster, keys]) =>
    typeof keys === 'string' ? [] : keys.map((key) => viewOf(cluster, key, facts)),
  );
  const END = '9';
  return {
    keys: views.sort(
      (a, b) =>
        isFirst(a) - isFirst(b) ||
        (a.expiresAt ?? END).localeCompare(b.expiresAt ?? END) ||
        a.cluster.localeCompare(b.cluster) ||
        a.name.localeCompare(b.name),
    ),
    problems: [
      ...[...facts.clusters.values()].flatMap((found) => (typeof found === 'string' ? [found] : [])),
      ...goneKeys(facts).map(({ sentence }) => sentence),
    ],
  };
};
