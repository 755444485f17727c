import { RemoraError } from '@remora/shared/errors.ts';
import { parseDuration } from '@remora/shared/model/duration.ts';
import type { KeyRotateRequest } from '@remora/shared/model/key-request.ts';
import { type FoundKey, isKeyMostlyOver } from '../cluster-key.ts';
import type { ConnectionRecord } from '../records.ts';

/** How connections are called where one name has to do. */
export const connectionName = ({ local, alias }: Pick<ConnectionRecord, 'local' | 'alias'>): string =>
  `${local}/${alias}`;

const KNOWN = 'See `remora connections list`. Keys of others are replaced where they were made.';

/** The connections that are meant, by name: when their keys end is not looked at yet. Throws `not-found` where what was named has none. */
export const meantConnections = (
  { local, alias }: Pick<KeyRotateRequest, 'local' | 'alias'>,
  connections: readonly ConnectionRecord[],
): readonly ConnectionRecord[] => {
  const meant = connections
    .filter((one) => (local ?? one.local) === one.local && (alias ?? one.alias) === one.alias)
    .sort((a, b) => connectionName(a).localeCompare(connectionName(b), 'en', { numeric: true }));
  if (meant.length > 0 || local === undefined) return meant;
  const what = alias === undefined ? 'no connection' : `no connection "${alias}"`;
  throw new RemoraError('not-found', `Remora manages ${what} of cluster ${local}.`, { hint: KNOWN });
};

/** Whether two thirds of a key's life are over, by what is on record where its cluster cannot be asked. */
const isMostlyOver = ({ record: { expiresAtMs }, key }: FoundKey, expires: string | null, nowMs: number): boolean => {
  if (key) return isKeyMostlyOver(key, nowMs);
  if (expiresAtMs === null || expires === null) return false;
  return isKeyMostlyOver({ expiresAtMs, createdAtMs: expiresAtMs - parseDuration(expires) }, nowMs);
};

/** Whether somebody invalidated it. */
export const isRevoked = (current: FoundKey | undefined): boolean => current?.key?.invalidated === true;

/** Whether the key of a connection is to be replaced now. One that somebody invalidated comes back only where its connection is named. */
export const isDue = (
  { alias, expiring, due, all }: Pick<KeyRotateRequest, 'alias' | 'expiring' | 'due' | 'all'>,
  { expires }: Pick<ConnectionRecord, 'expires'>,
  current: FoundKey | undefined,
  now: string,
): boolean => {
  const nowMs = Date.parse(now);
  if (alias !== undefined) return true;
  if (current === undefined) return all === true;
  if (isRevoked(current)) return false;
  if (due) return isMostlyOver(current, expires, nowMs);
  const { expiresAtMs } = current.record;
  return expiring === undefined || (expiresAtMs !== null && expiresAtMs <= nowMs + parseDuration(expiring));
};
