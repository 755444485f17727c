import { type DoctorLine, skipped } from '@remora/shared/model/inventory.ts';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import {
  type AnyConnectionRecord,
  type ForeignConnectionRecord,
  isForeign,
} from '../../plan/connection/connection-records.ts';
import { goneKeys, type KeyListFacts, keyViews } from '../keys/key-views.ts';

/** `api-keys list` shows all. */
const MOST_TOLD = 3;
/** Of a key that others made it is not known how long it was to live: then it is told this long before its end. */
const SOON_MS = 30 * DAY_MS;

const listed = (sentences: readonly string[]): string => {
  const rest = sentences.length - MOST_TOLD;
  const more = rest > 0 ? ` And ${rest} more: see \`remora api-keys list\`.` : '';
  return `${sentences.slice(0, MOST_TOLD).join(' ')}${more}`;
};

const clusterLine = (cluster: string, keys: readonly KeyView[], gone: readonly string[]): DoctorLine => {
  const bad = keys.filter(({ level }) => level !== 'ok');
  // What does not work stands before what will not.
  const worst = [
    ...gone,
    ...[...bad].sort((a, b) => a.level.localeCompare(b.level)).map(({ name, findings }) => `${name}: ${findings[0]}`),
  ];
  const used = keys.filter(({ connections }) => connections.length > 0);
  const ends = used.flatMap(({ expiresAt }) => expiresAt ?? []).sort();
  const detail = `${used.length} of connections${ends[0] === undefined ? ', without end' : `, the first ends at ${ends[0]}`}`;
  return { check: `API keys ${cluster}`, ok: worst.length === 0, detail: worst.length === 0 ? detail : listed(worst) };
};

const foreignLine = (one: ForeignConnectionRecord, nowMs: number): DoctorLine => {
  const { local, alias, key, foreign } = one;
  const check = `API key ${local}/${alias}`;
  if (key.expiresAt === null) return { check, ...skipped(`it was not said when the key of ${foreign.name} ends`) };
  const leftMs = Date.parse(key.expiresAt) - nowMs;
  const advice = `, and ${local}/${alias} with it: ask those who run ${foreign.name} for another`;
  const isWell = leftMs > SOON_MS;
  return {
    check,
    ok: isWell,
    detail: `${leftMs <= 0 ? 'ended' : 'ends'} at ${key.expiresAt}${isWell ? '' : `${advice}.`}`,
  };
};

/** The keys of connections, a line for each cluster that made some; for each connection where that is somebody else's. */
export const keyLines = (facts: KeyListFacts, all: readonly AnyConnectionRecord[]): DoctorLine[] => {
  const gone = goneKeys(facts);
  const byCluster = Map.groupBy(
    keyViews(facts).keys.filter(({ connections, managed }) => connections.length > 0 || managed),
    ({ cluster }) => cluster,
  );
  const answered = [...facts.clusters].flatMap(([name, keys]) => (typeof keys === 'string' ? [] : [name]));
  const lines = answered
    .map((name) => ({
      ...{ name, keys: byCluster.get(name) ?? [] },
      gone: gone.filter(({ cluster }) => cluster === name).map(({ sentence }) => sentence),
    }))
    .filter(({ keys, gone: lost }) => keys.length + lost.length > 0)
    .map(({ name, keys, gone: lost }) => clusterLine(name, keys, lost));
  const silent = facts.connections.map(({ remote }) => remote).filter((name) => !answered.includes(name));
  return [
    ...lines,
    ...(silent.length === 0
      ? []
      : [
          { check: 'API keys not seen', ...skipped(`those of ${[...new Set(silent)].join(', ')} cannot be asked for`) },
        ]),
    ...all.filter(isForeign).map((one) => foreignLine(one, facts.nowMs)),
  ];
};
