import type { ConnectDraft } from '../connect/draft.ts';
import { foundBefore } from '../connect/found.ts';
import { aliasWish } from '../connect/local.ts';
import { isOther, transportTrustOf } from '../connect-certificate/needed.ts';
import { connectionDiff } from '../connection/connection-diff.ts';
import {
  type AnyConnectionRecord,
  type CertificateConnectionRecord,
  type ConnectionRecord,
  type FoundSettings,
  isByCertificate,
  type TransportTrust,
} from '../connection/connection-records.ts';
import { foundByNode, withFound } from '../node/found-settings.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { AnyStep } from '../steps.ts';
import type { MigrateFacts } from './facts.ts';

/** Of what is on record of nodes the settings of their transport ports, or the others. */
const partOf = (found: readonly FoundSettings[] | undefined, ofTransport: boolean): readonly FoundSettings[] => {
  const isWanted = ([name]: readonly [string, unknown]): boolean =>
    name.startsWith(sslPrefix.transport) === ofTransport;
  const parts = [...foundByNode(found ?? [])].map(
    ([node, settings]) => [node, Object.fromEntries(Object.entries(settings).filter(isWanted))] as const,
  );
  return withFound([], new Map(parts)).found ?? [];
};

const foundNow = ({ connect }: MigrateFacts, draft: ConnectDraft) =>
  foundBefore(connect, { servers: draft.servers, adopted: undefined, wish: aliasWish(draft) });

/** The record as long as the connection is one by certificate, with what the migration finds on nodes before it changes that; null of one made by hand. */
export const recordOnTheWay = (facts: MigrateFacts, draft: ConnectDraft): CertificateConnectionRecord | null => {
  const { record } = facts;
  if (record === null || !isByCertificate(record)) return null;
  const { found, ...rest } = record;
  return { ...rest, migrating: true, ...withFound(found, foundNow(facts, draft)) };
};

/** What is left of the trust between the transport ports; null where none is on record. */
const trustLeft = ({ record }: MigrateFacts): TransportTrust | null => {
  const trust = record && transportTrustOf(record);
  return trust && { trusts: trust.trusts, found: partOf(trust.found, true) };
};

/**
 * A connection that is half-way to API keys as one by API key, with what the migration did to nodes by then and the trust that it had before: for who takes it apart without
 * the local cluster, the only one where a CA and the secret of a key, which are not on record yet, count.
 */
export const asKeyConnection = (record: CertificateConnectionRecord): ConnectionRecord => {
  const { local, remote, alias, mode, settings, trusts, found } = record;
  return {
    ...{ local, remote, alias, auth: 'api_key', mode, settings, ca: '', keySecret: '', access: {}, expires: null },
    ...withFound(partOf(found, false), new Map()),
    transport: { trusts, found: partOf(found, true) },
  };
};

/** The record of the connection by API key. */
export const recordAfter = (facts: MigrateFacts, draft: ConnectDraft): ConnectionRecord => {
  const { found: _, ...made } = draft.record;
  const onTheWay = facts.record && isByCertificate(facts.record) ? facts.record.found : undefined;
  const settings = [...new Set([...made.settings, ...(facts.record?.settings ?? [])])].sort();
  const trust = trustLeft(facts);
  return {
    ...{ ...made, settings },
    ...withFound(partOf(onTheWay, false), foundNow(facts, draft)),
    ...(trust === null ? {} : { transport: trust }),
  };
};

export const recordStep = (
  { id, stage, reason }: Pick<AnyStep, 'id' | 'stage' | 'reason'>,
  standing: AnyConnectionRecord | null,
  connection: AnyConnectionRecord,
): AnyStep[] =>
  JSON.stringify(standing) === JSON.stringify(connection)
    ? []
    : [
        {
          ...{ id, kind: 'connection.record', target: 'coordinator', effect: 'none', stage, reason },
          ...{ diff: connectionDiff(standing ?? undefined, connection), input: { connection } },
        },
      ];

export const othersOf = ({ connections, connect }: MigrateFacts, alias: string): AnyConnectionRecord[] =>
  connections.filter(isOther({ local: connect.local.name, alias }));
