import type { ConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation } from '../facts.ts';
import type { CaRecord, CertificateRecord, SigningCertificateRecord } from '../records.ts';
import type { TrustObservation } from '../trust/trust.ts';

/** Everything that the planner of a rotation looks at. */
export interface RotateFacts {
  /** The clusters whose nodes have the certificates that are meant, as far as they could be looked at. */
  readonly clusters: readonly ClusterObservation[];
  /** The others, and why: a sentence each. */
  readonly unseen: ReadonlyMap<string, string>;
  /** Certificates that Remora made, of any cluster. */
  readonly certificates: readonly CertificateRecord[];
  /** Certificates with which nodes of any cluster sign. */
  readonly signers: readonly SigningCertificateRecord[];
  readonly cas: readonly CaRecord[];
  /** Connections that Remora manages. */
  readonly connections: readonly ConnectionRecord[];
  readonly trust: readonly TrustObservation[];
  /** Local clusters whose nodes could not be asked whether they trust anything, and why: a sentence each. */
  readonly unasked: readonly string[];
  /** Names and latest versions of the secrets that exist. */
  readonly secretVersions: Readonly<Record<string, number>>;
}
