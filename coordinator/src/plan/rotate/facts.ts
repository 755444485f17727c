import type { ClusterObservation } from '../facts.ts';
import type { CaRecord, CertificateRecord, ConnectionRecord } from '../records.ts';

/** Everything that the planner of a rotation looks at. */
export interface RotateFacts {
  /** The clusters whose nodes have the certificates, and those that connect to them. */
  readonly clusters: readonly ClusterObservation[];
  /** Certificates that Remora made, of any cluster. */
  readonly certificates: readonly CertificateRecord[];
  readonly cas: readonly CaRecord[];
  /** Connections that Remora manages. */
  readonly connections: readonly ConnectionRecord[];
  /** Names and latest versions of the secrets that exist. */
  readonly secretVersions: Readonly<Record<string, number>>;
}
