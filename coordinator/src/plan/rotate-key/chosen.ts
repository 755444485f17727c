import { RemoraError } from '@remora/shared/errors.ts';
import type { KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import {
  type AnyConnectionRecord,
  type CertificateConnectionRecord,
  type ConnectionRecord,
  type ForeignConnectionRecord,
  isByCertificate,
  isForeign,
  keyConnections,
} from '../connection/connection-records.ts';
import { type FoundKey, isKeyMostlyOver } from '../keys/cluster-key.ts';
import { connectionName } from '../keys/new-key.ts';
import type { KeyRotation } from './rotation.ts';

const KNOWN = 'See `remora connections list`. Keys of others are replaced where they were made.';

/** Whoever runs the remote cluster made the key, and alone can replace or invalidate it. */
const refusedForeign = ({ local, alias, foreign: { name } }: ForeignConnectionRecord): RemoraError =>
  new RemoraError(
    'conflict',
    `The key of the connection ${connectionName({ local, alias })} was given by those who run ${name}: only they can make another, or invalidate this one.`,
    {
      hint: `Have them make a new one, give it with \`remora connect ${local} --alias ${alias} --remote-key-file FILE\`, and have them invalidate the old one.`,
    },
  );

/** A connection by certificate has no key that could be replaced. */
const refusedKeyless = (one: CertificateConnectionRecord): RemoraError =>
  new RemoraError('conflict', `The connection ${connectionName(one)} is one by certificate: it has no API key.`, {
    hint: `\`remora migrate ${one.local} ${one.alias} --to api_key\` gives it one.`,
  });

/** The connections that are meant, by name: when their keys end is not looked at yet. Throws `not-found` where what was named has none. */
export const meantConnections = (
  { local, alias }: Pick<KeyRotateRequest, 'local' | 'alias'>,
  connections: readonly AnyConnectionRecord[],
): readonly ConnectionRecord[] => {
  const isMeant = (one: AnyConnectionRecord): boolean =>
    (local ?? one.local) === one.local && (alias ?? one.alias) === one.alias;
  const foreign = alias === undefined ? undefined : connections.filter(isForeign).find(isMeant);
  if (foreign) throw refusedForeign(foreign);
  const keyless = alias === undefined ? undefined : connections.filter(isByCertificate).find(isMeant);
  if (keyless) throw refusedKeyless(keyless);
  const meant = keyConnections(connections)
    .filter(isMeant)
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

/** Whether the cluster of a connection's key said what it knows of it. */
const wasAsked = ({ remote }: Pick<KeyRotation, 'remote'>): boolean =>
  remote !== undefined && !remote.missingPrivileges.includes('manage_security');

/**
 * Whether somebody invalidated the key of a connection. A cluster forgets such keys after a week or so: one that it does not know although it has not ended is
 * taken for one of them.
 */
export const isRevoked = (one: Pick<KeyRotation, 'current' | 'remote'>, now: string): boolean => {
  if (!one.current) return false;
  const { record, key } = one.current;
  if (key !== null) return key.invalidated;
  const hasEnded = record.expiresAtMs !== null && record.expiresAtMs <= Date.parse(now);
  return record.revoked === true || (wasAsked(one) && !hasEnded);
};

/**
 * Whether the key of a connection is to be replaced now. One that somebody invalidated comes back only where its connection is named; one whose rotation put it on
 * record and did not come to invalidate the old one is due whenever it ends.
 */
export const isDue = (
  { alias, expiring, due, all }: Pick<KeyRotateRequest, 'alias' | 'expiring' | 'due' | 'all'>,
  one: Pick<KeyRotation, 'standing' | 'current' | 'next' | 'remote'>,
  now: string,
): boolean => {
  const { current } = one;
  const nowMs = Date.parse(now);
  if (alias !== undefined) return true;
  if (current === undefined) return all === true;
  if (isRevoked(one, now)) return false;
  if (one.next === current) return true;
  if (due) return isMostlyOver(current, one.standing.expires, nowMs);
  // Somebody may have moved its end.
  const { expiresAtMs } = current.key ?? current.record;
  return expiring === undefined || (expiresAtMs !== null && expiresAtMs <= nowMs + parseDuration(expiring));
};
