import type { ClusterObservation, KeyObservation } from '../facts.ts';
import type { ClusterKey } from '../keys/cluster-key.ts';
import type { AnyConnectionRecord, CaRecord, CertificateRecord, SigningCertificateRecord } from '../records.ts';

/** Everything that the disconnect planner looks at. */
export interface DisconnectFacts {
  readonly connection: AnyConnectionRecord;
  readonly local: ClusterObservation;
  /** Without nodes where it is gone, or others run it. */
  readonly remote: ClusterObservation;
  /** Connections that Remora manages, of any cluster; this one too. */
  readonly connections: readonly AnyConnectionRecord[];
  readonly cas: readonly CaRecord[];
  /** Of the remote cluster servers of the remote cluster's nodes. */
  readonly certificates: readonly CertificateRecord[];
  /** Certificates with which nodes of any cluster sign. */
  readonly signers: readonly SigningCertificateRecord[];
  /** Keys that Remora made for this connection, with what the remote cluster says of them. */
  readonly keys: readonly KeyObservation[];
  /** Living ones that were made for it too, and of which the secret is lost, or even the record. */
  readonly strays: readonly Pick<ClusterKey, 'id' | 'name'>[];
  /** Living cross-cluster API keys of the remote cluster that are not of this connection, by name. */
  readonly otherKeys: readonly string[];
  /** Follower indices and auto-follow patterns of the local cluster that use the alias, in words. */
  readonly followers: readonly string[];
  /** Roles of the local cluster that Remora made for this connection. */
  readonly roles: readonly string[];
  /** Runs that have not ended and change this connection, in words. */
  readonly busy: readonly string[];
  readonly secretVersions: Readonly<Record<string, number>>;
}
