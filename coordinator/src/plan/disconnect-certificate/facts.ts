import type { TransportFacts } from '../connect-certificate/facts.ts';
import type { AnyConnectionRecord, CertificateConnectionRecord } from '../connection/connection-records.ts';
import type { DisconnectFacts } from '../disconnect/facts.ts';
import type { DeploymentTrustRecord } from '../trust/deployment-trust.ts';

/** Everything that is looked at before a connection by certificate is taken apart. */
export interface CertificateDisconnectFacts
  extends Pick<
    DisconnectFacts,
    'followers' | 'roles' | 'busy' | 'secretVersions' | 'goneNodes' | 'goneAnswer' | 'remoteRoles'
  > {
  readonly connection: CertificateConnectionRecord;
  /** Without nodes where the cluster is gone for good. */
  readonly local: TransportFacts;
  /** The same. */
  readonly remote: TransportFacts;
  /** Connections that Remora manages, of any cluster; this one too. */
  readonly connections: readonly AnyConnectionRecord[];
  /** Deployments in Elastic Cloud that clusters trust, of any cluster. */
  readonly deploymentTrusts: readonly DeploymentTrustRecord[];
}
