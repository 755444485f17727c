import type { AnyConnectionRecord, TransportTrust } from '../connection/connection-records.ts';
import { foundIn, withFound } from '../node/found-settings.ts';

/** What is on record of a connection's trust between transport ports: of one by certificate, and of one by API key that was such a one and kept it. */
export const transportTrustOf = (record: AnyConnectionRecord): TransportTrust | null => {
  if (record.auth === 'certificate') return { trusts: record.trusts, found: record.found ?? [] };
  return 'transport' in record ? (record.transport ?? null) : null;
};

/** Why a connection that is being brought to API keys is left alone. */
export const halfWay = ({ local, alias }: Ends): string =>
  `The connection ${local}/${alias} is half-way to API keys: bring it there with \`remora migrate ${local} ${alias} --to api_key\`, or take that run back with \`remora runs rollback\`, and then give this command again.`;

type Ends = Pick<AnyConnectionRecord, 'local' | 'alias'>;

export const isOther =
  ({ local, alias }: Ends) =>
  (one: Ends): boolean =>
    one.local !== local || one.alias !== alias;

/** SHA-256 of the CAs that connections need on the nodes of a cluster. One that became one by API key needs none any more. */
export const neededOn = (cluster: string, connections: readonly AnyConnectionRecord[]): string[] =>
  connections.flatMap((one) => {
    if (one.auth !== 'certificate') return [];
    return [...(one.local === cluster ? one.trusts.local : []), ...(one.remote === cluster ? one.trusts.remote : [])];
  });

/** Connections that have something in the file of other clusters' CAs on the nodes of a cluster. */
export const usersOf = (cluster: string, connections: readonly AnyConnectionRecord[]): AnyConnectionRecord[] =>
  connections.filter(
    (one) => transportTrustOf(one) !== null && (one.local === cluster || ('remote' in one && one.remote === cluster)),
  );

const withTrustFound = (record: AnyConnectionRecord, since: ReturnType<typeof foundIn>): AnyConnectionRecord => {
  if (record.auth === 'certificate') {
    const { found, ...rest } = record;
    return { ...rest, ...withFound(found, since) };
  }
  const trust = transportTrustOf(record);
  if (trust === null || !('transport' in record)) return record;
  return { ...record, transport: { ...trust, found: withFound(trust.found, since).found ?? [] } };
};

/**
 * Connections to which goes what is on record of nodes on which the file stays: the last of them puts it back. Only those whose record becomes another.
 */
export const trustHeirs = (
  { trust, clusters }: { readonly trust: TransportTrust; readonly clusters: readonly string[] },
  others: readonly AnyConnectionRecord[],
): AnyConnectionRecord[] => {
  const changed = new Map<string, AnyConnectionRecord>();
  for (const cluster of clusters) {
    const [heir] = usersOf(cluster, others);
    if (heir === undefined) continue;
    const key = `${heir.local}/${heir.alias}`;
    changed.set(key, withTrustFound(changed.get(key) ?? heir, foundIn(trust.found, cluster)));
  }
  return [...changed.values()].filter((one) => !others.some((other) => JSON.stringify(other) === JSON.stringify(one)));
};
