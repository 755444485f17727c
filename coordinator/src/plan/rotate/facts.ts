import type { ClusterObservation } from '../facts.ts';
import type { CaRecord, CertificateRecord, ConnectionRecord } from '../records.ts';
import type { TrustingNode } from '../steps.ts';

/** A node that connects to a remote cluster by itself, and what came of a handshake with one of its nodes before anything was changed. */
export interface TrustObservation extends TrustingNode {
  readonly remote: string;
  /** Why it does not trust what is served there now, or could not be asked; null when it trusts it. */
  readonly problem: string | null;
}

/** Everything that the planner of a rotation looks at. */
export interface RotateFacts {
  /** The clusters whose nodes have the certificates that are meant, as far as they could be looked at. */
  readonly clusters: readonly ClusterObservation[];
  /** The others, and why: a sentence each. */
  readonly unseen: ReadonlyMap<string, string>;
  /** Certificates that Remora made, of any cluster. */
  readonly certificates: readonly CertificateRecord[];
  readonly cas: readonly CaRecord[];
  /** Connections that Remora manages. */
  readonly connections: readonly ConnectionRecord[];
  readonly trust: readonly TrustObservation[];
  /** Local clusters whose nodes could not be asked whether they trust anything, and why: a sentence each. */
  readonly unasked: readonly string[];
  /** Names and latest versions of the secrets that exist. */
  readonly secretVersions: Readonly<Record<string, number>>;
}
