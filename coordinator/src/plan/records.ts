import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { IssuedPurpose } from '@remora/shared/model/certificates/issued-purpose.ts';
import { PUBLIC_CA } from '@remora/shared/model/requests/connect-request.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import { onlyNodes, placeOf } from './connection/alias-place.ts';
import type { ServingPurpose } from './node/ssl.ts';
import type { NodeId, PemKey } from './steps.ts';
import type { DeploymentTrustRecord } from './trust/deployment-trust.ts';

/** A cluster as the inventory keeps it. The password is a reference. */
export interface ClusterRecord {
  readonly name: string;
  readonly urls: readonly string[];
  /** PEM text of the CA that signed the cluster's HTTPS certificates; null for public CAs or plain http. */
  readonly caPem: string | null;
  readonly user: string;
  /** `secret:…` */
  readonly password: string;
  readonly clusterUuid: string;
  readonly addedAt: string;
  /** Of a deployment in Elastic Cloud: it has no agents, and the API of its cloud does what they do elsewhere. */
  readonly deployment?: DeploymentId;
}

/** A deployment of a cloud on record. */
export interface DeploymentId {
  readonly cloud: string;
  readonly id: string;
}

/** ISO 8601. */
export interface CertificateLife {
  readonly notBefore: string;
  readonly notAfter: string;
}

/** A node with an agent. */
export interface NodeRecord {
  readonly cluster: string;
  readonly node: string;
  readonly agentVersion: string;
  /** SHA-256 of the agent's client certificate. */
  readonly certificateFingerprint: string;
  /** SHA-256 of the fleet CA that signed it; absent until a session was opened with it under a release that keeps this. */
  readonly certificateIssuer?: string;
  /** SHA-256 of the fleet CAs that its agent trusts, as it last said; absent where it cannot be told of others, or did not connect yet. */
  readonly fleetCas?: readonly string[];
  /** Its dates; absent until it was seen by a release that keeps them. */
  readonly certificateLife?: CertificateLife;
  /** One that was issued to take its place, and that no session was opened with yet: both are accepted until then. */
  readonly renewedCertificate?: {
    readonly fingerprint: string;
    /** SHA-256 of the public key as it was sent. */
    readonly publicKey: string;
    readonly certificatePem: string;
    /** SHA-256 of the fleet CA that signed it; absent on older records. */
    readonly issuer?: string;
  };
  readonly joinedAt: string;
  readonly lastSeen: string | null;
  /** As the agent last said. */
  readonly running: boolean;
  readonly configDir: string;
  /** From the cluster's own answer; null until it was seen there. */
  readonly nodeId: string | null;
  readonly version: string | null;
}

/** A CA that Remora manages; the key is a sealed secret. */
export interface CaRecord {
  readonly name: string;
  readonly certificatePem: string;
  /** `secret:…` of the certificate: deliveries carry contents by reference. */
  readonly certificate: string;
  /** `secret:…`, null for a CA that is only trusted. */
  readonly key: string | null;
  readonly facts: CertificateFacts;
  /** The CA that takes its place; whoever trusts this one trusts that one too, until this one is retired. */
  readonly successor?: string;
  /** When its successor had taken its place for good, ISO 8601. Its key is kept, so that this can be taken back. */
  readonly retiredAt?: string;
}

/** A certificate that Remora issued for a node. */
export interface CertificateRecord {
  readonly cluster: string;
  readonly node: string;
  readonly purpose: ServingPurpose;
  readonly ca: string;
  /** Where it was placed, relative to the node's configuration directory. */
  readonly path: string;
  /** The names and addresses that it was issued for, as they were wished. */
  readonly names: readonly string[];
  /** See `CertificateIssue`. */
  readonly p12Secret: string;
  readonly passwordSecret: string;
  readonly key?: PemKey;
  /** Of one that was made elsewhere: id of the signing request under which it is on record. */
  readonly given?: string;
  /** How long it was wished to be valid; its CA may end sooner. Absent on older records: what its dates say. */
  readonly validityMs?: number;
  readonly facts: CertificateFacts;
}

/** A certificate with which a local node signs what it asks over an alias. */
export interface SigningCertificateRecord extends NodeId {
  readonly alias: string;
  /** The remote cluster, which trusts the CA. */
  readonly remote: string;
  readonly ca: string;
  /** As RFC 2253 writes it. */
  readonly subject: string;
  readonly validityMs: number;
  /** `secret:…` of the PKCS#12 file, and of its password. */
  readonly p12Secret: string;
  readonly passwordSecret: string;
  /** Of one that was made elsewhere: id of the signing request under which it is on record. */
  readonly given?: string;
  readonly facts: CertificateFacts;
}

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

/**
 * A key pair that was made for a certificate which a CA signs elsewhere, and the certificate once it came back and was checked; or both as they were given. It is filed
 * here until somebody removes it, so that files can be made of it, or it can be placed on a node.
 */
export interface SigningRequestRecord {
  /**
   * Begins the SHA-256 of the public key (SubjectPublicKeyInfo), by which a certificate finds its request; of one that was given with its key, that of certificate, name
   * and purpose, since one certificate may be given for several nodes.
   */
  readonly id: string;
  readonly name: string;
  readonly ca: string;
  readonly purpose: IssuedPurpose;
  readonly commonName: string;
  /** `DNS:…`, `IP:…` and `otherName:…`, as they were asked for. */
  readonly sans: readonly string[];
  /** PKCS#10, PEM. Older releases did not keep it. */
  readonly csr?: string;
  /** `secret:…` of the key, PKCS#8 in PEM. */
  readonly key: string;
  /** ISO 8601, UTC. */
  readonly requestedAt: string;
  /** When `certs accept` took the certificate, ISO 8601; absent of one that was given with its key, and on older records. */
  readonly acceptedAt?: string;
  readonly signed: {
    readonly certificatePem: string;
    /** The issuers, nearest first. */
    readonly chainPem: readonly string[];
    readonly facts: CertificateFacts;
  } | null;
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

/** A record of the inventory as it stood before a run changed it; null where there was none. */
export type RecordBefore =
  | { readonly collection: 'connections'; readonly id: string; readonly record: AnyConnectionRecord | null }
  | { readonly collection: 'cas'; readonly id: string; readonly record: CaRecord | null }
  | { readonly collection: 'certificates'; readonly id: string; readonly record: CertificateRecord | null }
  | {
      readonly collection: 'signingCertificates';
      readonly id: string;
      readonly record: SigningCertificateRecord | null;
    }
  | { readonly collection: 'apiKeys'; readonly id: string; readonly record: ApiKeyRecord | null }
  | { readonly collection: 'deploymentTrusts'; readonly id: string; readonly record: DeploymentTrustRecord | null };

/** A cross-cluster API key that Remora created, filed under the reference of the secret that holds it. */
export interface ApiKeyRecord {
  readonly secret: string;
  readonly cluster: string;
  readonly id: string;
  readonly name: string;
  readonly expiresAtMs: number | null;
  /** Hash of the access, expiration and metadata that it was given. */
  readonly configHash: string;
  /** Somebody had it revoked: its cluster forgets that after a week or so. */
  readonly revoked?: true;
}

/** Nodes that a run left, since their agents were away: it goes on when one of them is back in time. */
export interface DebtRecord {
  readonly runId: string;
  /** Of the driver that left them: tells this debt from an earlier one of the run. */
  readonly fence: number;
  readonly nodes: readonly NodeId[];
  /** ISO 8601, UTC. */
  readonly until: string;
}

/** How long the last restarts of a node took, each from its stop until the cluster had recovered. */
export interface RestartTimesRecord extends NodeId {
  /** Newest last. `at` is when it had recovered, ISO 8601. */
  readonly times: readonly { readonly at: string; readonly ms: number }[];
}
