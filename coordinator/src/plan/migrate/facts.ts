import type { TransportFacts } from '../connect-certificate/facts.ts';
import type {
  AnyConnectionRecord,
  CertificateConnectionRecord,
  ConnectionRecord,
} from '../connection/connection-records.ts';
import type { ConnectFacts } from '../facts.ts';
import type { RemoteRoles } from '../roles/remote-roles.ts';
import type { DeploymentTrustRecord } from '../trust/deployment-trust.ts';

/** Everything that is looked at before a connection by certificate becomes one by API key. */
export interface MigrateFacts {
  /** As for a connection by API key between the two clusters. */
  readonly connect: ConnectFacts;
  readonly local: TransportFacts;
  readonly remote: TransportFacts;
  /** The connection on record, by now maybe one by API key; null of one that somebody made by hand. */
  readonly record: CertificateConnectionRecord | ConnectionRecord | null;
  /** Roles on the remote cluster for the connection by certificate. */
  readonly remoteRoles?: RemoteRoles;
  /** Connections that Remora manages, of any cluster. */
  readonly connections: readonly AnyConnectionRecord[];
  /** Deployments in Elastic Cloud that clusters trust, of any cluster. */
  readonly deploymentTrusts: readonly DeploymentTrustRecord[];
}
