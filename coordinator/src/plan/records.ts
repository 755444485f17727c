import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { IssuedPurpose } from '@remora/shared/model/certificates/issued-purpose.ts';
import type { PemKey } from './certificates/certificate-issue.ts';
import type { AnyConnectionRecord } from './connection/connection-records.ts';
import type { NodeId } from './node/node-id.ts';
import type { ServingPurpose } from './node/ssl.ts';
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
