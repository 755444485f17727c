import { PUBLIC_CA } from '@remora/shared/model/requests/connect-request.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import { onlyNodes, placeOf } from './alias-place.ts';

/** How requests over a connection are signed, as it was last wanted. */
export interface Signing {
  /** Name of the CA of the signing certificates. */
  readonly ca: string;
  /** Their subject, as RFC 2253 writes it. */
  readonly subject: string;
  /** `certificate_identity` of the key. */
  readonly identity: string;
  readonly validityMs: number;
}

/** What the key of a connection grants, in the form of the create cross-cluster API key API. */
export interface Access {
  readonly search?: readonly { readonly names: readonly string[]; readonly [more: string]: unknown }[];
  readonly replication?: readonly { readonly names: readonly string[] }[];
}

/** A connection by API key of which Remora manages both sides, as it was last wanted. */
export interface ConnectionRecord {
  readonly local: string;
  readonly remote: string;
  readonly alias: string;
  readonly auth: 'api_key';
  readonly mode: 'sniff' | 'proxy';
  /** Name of the CA that signs the remote cluster server's certificates. */
  readonly ca: string;
  /** `secret:…@VERSION` of the encoded key that the local cluster uses. */
  readonly keySecret: string;
  readonly access: Access;
  /** As given, for example `90d`; null for a key without end. */
  readonly expires: string | null;
  /** What people gave for the key's metadata; absent where nothing, and on older records. */
  readonly metadata?: object;
  /** Names below `cluster.remote.ALIAS.` that Remora ever wrote, sorted. Others are somebody else's and stay. */
  readonly settings: readonly string[];
  /**
   * Nodes in whose elasticsearch.yml the alias stands, sorted, `all` that connect; absent where it stands in the cluster's settings, and on older records. `placeOf` tells
   * both apart.
   */
  readonly staticNodes?: 'all' | readonly string[];
  /** Absent where requests are not signed, and on older records. */
  readonly signing?: Signing;
  /** What nodes had in elasticsearch.yml before; see `found-settings.ts`. Absent where nothing was changed for this connection, and on older records. */
  readonly found?: readonly FoundSettings[];
  /** What is left of the trust between the transport ports, of a connection that was one by certificate. */
  readonly transport?: TransportTrust;
  /** Of a connection that people made by hand and that was taken over. */
  readonly adopted?: Adopted;
  /** Of a deployment that connects through what has a certificate of another CA than the remote nodes: its name, or `public`. */
  readonly proxyCa?: string;
}

/** What people made of a connection that was taken over, and that stays as they made it. */
export interface Adopted {
  /** The key that the nodes had. It is not on record, as its value is not known. */
  readonly key: { readonly id: string; readonly name: string };
  /** Remote nodes serve certificates that people placed: they are neither replaced nor is a setting of these servers changed. */
  readonly server: boolean;
  /** Local nodes trust them by what people wrote into elasticsearch.yml, and not by Remora's bundle alone. */
  readonly trust: boolean;
}

/**
 * A connection by API key to a cluster that others run, who gave the key: Remora manages the local side, and does nothing on the other. It has no `remote` on purpose:
 * that is a cluster of the inventory.
 */
export interface ForeignConnectionRecord {
  readonly local: string;
  readonly alias: string;
  readonly auth: 'api_key';
  readonly mode: 'sniff' | 'proxy';
  /** What is known of the other side. `name` is for people: no cluster of the inventory is meant, whatever it is called. */
  readonly foreign: { readonly name: string; readonly clusterUuid: string | null };
  /** Names of the CAs by which the local nodes know its servers; none where Java's own public ones do. */
  readonly cas: readonly string[];
  /** `secret:…@VERSION` of the encoded key that was given. */
  readonly keySecret: string;
  /** What was said of it: its name and end (ISO 8601) only where it came in a bundle. */
  readonly key: { readonly id: string; readonly name: string | null; readonly expiresAt: string | null };
  /** See `ConnectionRecord`. */
  readonly settings: readonly string[];
  /** See `ConnectionRecord`; of nodes of the local cluster. */
  readonly found?: readonly FoundSettings[];
}

/** What the nodes of two clusters were given so that their transport ports trust each other. */
export interface TransportTrust {
  /** SHA-256 of the CAs that were placed on nodes of each cluster: those of the other one's transport ports. */
  readonly trusts: { readonly local: readonly string[]; readonly remote: readonly string[] };
  /** What nodes had in elasticsearch.yml for their transport ports before. */
  readonly found: readonly FoundSettings[];
}

/** A connection by certificate between two managed clusters: it has no key, and leads to the transport ports. */
export interface CertificateConnectionRecord extends Pick<TransportTrust, 'trusts'> {
  readonly local: string;
  readonly remote: string;
  readonly alias: string;
  readonly auth: 'certificate';
  readonly mode: 'sniff' | 'proxy';
  /** See `ConnectionRecord`. */
  readonly settings: readonly string[];
  /** See `ConnectionRecord`. While it is brought to API keys also what that changed. */
  readonly found?: readonly FoundSettings[];
  /** It is being brought to API keys: a key, a credential and more may be there by now. */
  readonly migrating?: true;
}

/** Any connection that Remora manages, be it one side of it only. */
export type AnyConnectionRecord = ConnectionRecord | ForeignConnectionRecord | CertificateConnectionRecord;

/** Whether a connection has no key, and the clusters know each other by the certificates of their transport ports. */
export const isByCertificate = (record: AnyConnectionRecord): record is CertificateConnectionRecord =>
  record.auth === 'certificate';

/** Whether somebody else runs the remote cluster. Records of older releases are of two managed clusters. */
export const isForeign = (record: AnyConnectionRecord): record is ForeignConnectionRecord => 'foreign' in record;

/** What stays as people made it, of a connection that was taken over; undefined of any other. */
export const adoptedIn = (record: AnyConnectionRecord | undefined): Adopted | undefined =>
  record === undefined || isForeign(record) || isByCertificate(record) ? undefined : record.adopted;

/** Names of the CAs by which the local nodes of a connection know the remote cluster's servers. */
export const casOf = (record: AnyConnectionRecord): readonly string[] => {
  if (isByCertificate(record)) return [];
  return isForeign(record) ? record.cas : [record.ca];
};

/** The CA of what stands before the remote cluster of a deployment, where that is neither the remote nodes' own nor a public one. */
export const proxyCaOf = (record: AnyConnectionRecord): readonly string[] =>
  'proxyCa' in record && record.proxyCa !== undefined && record.proxyCa !== PUBLIC_CA ? [record.proxyCa] : [];

/** The CA of the certificates with which requests over a connection are signed; none where they are not. */
export const signingCaOf = (record: AnyConnectionRecord): readonly string[] =>
  'signing' in record && record.signing !== undefined ? [record.signing.ca] : [];

/** What proves a connection. */
export const proofOf = (
  record: AnyConnectionRecord,
): Pick<ConnectionRecord, 'local' | 'remote' | 'alias'> & {
  readonly keySecret: string | null;
  readonly keyId?: string;
  readonly nodes?: readonly string[];
} => {
  const { local, alias } = record;
  if (isByCertificate(record)) return { local, remote: record.remote, alias, keySecret: null };
  return isForeign(record)
    ? { local, remote: record.foreign.name, alias, keySecret: record.keySecret, keyId: record.key.id }
    : { local, remote: record.remote, alias, keySecret: record.keySecret, ...onlyNodes(placeOf(record)) };
};

/** The connections by API key of which both sides are managed. */
export const keyConnections = (records: readonly AnyConnectionRecord[]): ConnectionRecord[] =>
  records.filter((record): record is ConnectionRecord => !isForeign(record) && !isByCertificate(record));

/** What a setting of elasticsearch.yml was when Remora came, null where it did not stand there, and what Remora made of it. */
export interface FoundSetting {
  readonly before: SettingValue | null;
  /** Null for one that was taken out. */
  readonly made: SettingValue | null;
}

/** The same of several nodes. */
export interface FoundSettings {
  /** `CLUSTER/NODE`, sorted. */
  readonly nodes: readonly string[];
  readonly settings: Readonly<Record<string, FoundSetting>>;
}
