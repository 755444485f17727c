import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { GivenFacts, ServerClients } from '../certificates/given.ts';
import type { ToldCertificate } from '../certificates/serial.ts';
import type { TransportFacts } from '../connect-certificate/facts.ts';
import type { CertificateConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation } from '../facts.ts';
import type { CaRecord, CertificateRecord } from '../records.ts';
import type { DeploymentTrustRecord } from '../trust/deployment-trust.ts';

/** A CA certificate as a port sent it beside its own. */
export interface SentAuthority {
  readonly facts: CertificateFacts;
  readonly pem: string;
}

/** A CA in a keystore or truststore, of which Elasticsearch tells no more. */
export type StoredAuthority = ToldCertificate;

/** What a node's port of the purpose publishes and serves now. */
export interface PortObservation {
  /** The address at which it is published, and the name where the host has one; empty when that is not known. */
  readonly names: readonly string[];
  /** SHA-256 of the certificate that it serves; null where none was seen. */
  readonly fingerprint256: string | null;
  /** The same whole; absent where none was seen. */
  readonly certificatePem?: string;
  /** Its names of the kind otherName, which trust restrictions look at; absent where none was seen. */
  readonly otherNames?: readonly string[];
  /** The names that its certificate covers (`DNS:…`, `IP:…`). */
  readonly sans: readonly string[];
  /** The issuers that it sends with its certificate, nearest first; a self-signed certificate is its own. */
  readonly issuers: readonly SentAuthority[];
  /** Why nothing was seen; empty when a certificate was. */
  readonly problem: string;
}

/** A cluster that is connected by certificates with the one that gets other certificates on its transport ports. */
export interface TrustingCluster {
  readonly facts: TransportFacts;
  /** Those of the two. */
  readonly connections: readonly CertificateConnectionRecord[];
}

/** Everything that the planner of a placement looks at. */
export interface PlaceFacts extends GivenFacts, ServerClients {
  /** With the PEM files that the nodes' elasticsearch.yml names for the port. */
  readonly cluster: ClusterObservation;
  /** Hosts of the URLs by which the coordinator reaches the cluster. */
  readonly urlHosts: readonly string[];
  /** The CAs by which it knows them; null where it goes by the system's. */
  readonly trusted: { readonly pem: string; readonly fingerprints: readonly string[] } | null;
  /** By name of the node. */
  readonly ports: ReadonlyMap<string, PortObservation>;
  /**
   * What stands in the truststore or keystore by which a node trusts the others on its transport port, by name of the node; a clause that says why it is not known.
   * Nodes that trust by PEM files are not there.
   */
  readonly stores: ReadonlyMap<string, readonly StoredAuthority[] | string>;
  /** Certificates that Remora made for this port of the cluster's nodes. */
  readonly certificates: readonly CertificateRecord[];
  readonly cas: readonly CaRecord[];
  /** Names and latest versions of the secrets that exist. */
  readonly secretVersions: Readonly<Record<string, number>>;
  /** Whose connections by certificates need what the transport ports serve; none of a placement on other ports. */
  readonly peers: readonly TrustingCluster[];
  /** Deployments in Elastic Cloud that the cluster trusts. */
  readonly deploymentTrusts: readonly DeploymentTrustRecord[];
}
