import type { TransportFacts } from '../connect-certificate/facts.ts';
import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation, KeyObservation } from '../facts.ts';
import type { ClusterKey } from '../keys/cluster-key.ts';
import type { CaRecord, CertificateRecord, DeploymentId, SigningCertificateRecord } from '../records.ts';
import type { RemoteRoles } from '../roles/remote-roles.ts';
import type { DeploymentTrustRecord } from '../trust/deployment-trust.ts';

/** Everything that the disconnect planner looks at. */
export interface DisconnectFacts {
  readonly connection: AnyConnectionRecord;
  /** Without nodes where it is gone. */
  readonly local: ClusterObservation;
  /** Nodes with an agent on record of a local cluster that is gone, by name. */
  readonly goneNodes?: readonly string[];
  /** Why what answers at its addresses, which may be it after all, is not trusted; null where nothing of that kind does. */
  readonly goneAnswer?: string | null;
  /** Which deployment a local cluster was that is gone; absent of one with agents. */
  readonly goneDeployment?: DeploymentId;
  /** Transport ports of the remote cluster, where they trust those of a local one that is gone: nobody could take that off later. With deployments that clusters trust. */
  readonly transport?: { readonly remote: TransportFacts; readonly deploymentTrusts: readonly DeploymentTrustRecord[] };
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
  /** Roles on the remote cluster for a connection by certificate; absent where it is not asked. */
  readonly remoteRoles?: RemoteRoles;
  /** Follower indices and auto-follow patterns of the local cluster that use the alias, in words. */
  readonly followers: readonly string[];
  /** Roles of the local cluster that Remora made for this connection. */
  readonly roles: readonly string[];
  /** Runs that have not ended and change this connection, in words. */
  readonly busy: readonly string[];
  readonly secretVersions: Readonly<Record<string, number>>;
}
